// What replaying a program through each resource costs.
#pragma once

#include "program.hpp"
#include "subjects.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace quarry_replay {

/// The most that was live and held, in bytes, in one of the stretches that a program is cut into.
struct memory_point {
  std::size_t live, held;
};
inline constexpr std::size_t most_memory_points = 500;

/// What is counted, in a replay of its own.
struct memory_use {
  std::size_t peak_live = 0; ///< asked for; with threads a little more or less than recorded
  std::size_t peak_counted = 0;
  std::size_t upstream_calls = 0;
  std::vector<memory_point> history; ///< on one thread

  double held_per_live() const { return static_cast<double>(peak_counted) / static_cast<double>(peak_live); }
};

struct result {
  std::string resource;
  double ns = 0;       ///< per operation, median of the rounds
  double ratio = 1;    ///< to the base's time in the same round, median of the rounds
  double worst_ns = 0; ///< the longest single operation, on one thread
  memory_use memory;
};

struct comparison {
  std::string base; ///< whose time is 1: new-delete, or the first where that is not among the subjects
  std::vector<result> results;
};
struct report {
  comparison one_thread, threaded; ///< empty where there was nothing to replay
};

/// Nanoseconds per operation: of processor time on one thread, of time on the wall with the recorded ones.
double time_on_one_thread(const program&, const subject&);
double time_with_threads(const program&, const subject&);
memory_use memory_on_one_thread(const program&, const subject&);
memory_use memory_with_threads(const program&, const subject&);

/// How often measure() calls `step`.
std::size_t steps_to_measure(const program&, std::span<const subject>, std::size_t rounds);
report measure(const program&, std::span<const subject>, std::size_t rounds,
               const std::function<void()>& step);

} // namespace quarry_replay
