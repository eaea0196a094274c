// Nanoseconds per operation. One thread is timed by its own processor time, which other programs on the
// machine do not add to; several threads by the clock on the wall, since waiting for each other is what is
// measured.
#pragma once

#include <chrono>
#include <cstddef>
#include <ctime>

namespace quarry_replay {

inline double thread_processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

inline double wall_time() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

template <class Work>
double processor_ns_per(std::size_t operations, Work work) {
  const double start = thread_processor_time();
  work();
  return (thread_processor_time() - start) / static_cast<double>(operations);
}

template <class Work>
double wall_ns_per(std::size_t operations, Work work) {
  const double start = wall_time();
  work();
  return (wall_time() - start) / static_cast<double>(operations);
}

} // namespace quarry_replay
