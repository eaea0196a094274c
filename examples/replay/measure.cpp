#include "measure.hpp"

#include "charged_upstream.hpp"

#include "replay/median.hpp"
#include "replay/timing.hpp"
#include "replay/trace_replay.hpp"

#include <algorithm>
#include <limits>

namespace quarry_replay {
namespace {

constexpr std::size_t rounds_for_worst = 3;
using times = std::vector<double>; // of the rounds
using timer = double (*)(const program&, const subject&);

// How long each operation took, of several replays the shortest: what else the machine did meanwhile is not
// the resource's doing, and does not hit the same operation every time.
class operation_times {
public:
  explicit operation_times(std::size_t count) : shortest_(count, std::numeric_limits<float>::max()) {}

  void add_replay(const program& p, std::pmr::memory_resource& resource) {
    replay_slots slots(p.script.slot_count);
    double start = wall_time();
    for (std::size_t i = 0; i < shortest_.size(); ++i) {
      replay(resource, p.script.operations[i], slots);
      const double end = wall_time();
      shortest_[i] = std::min(shortest_[i], static_cast<float>(end - start));
      start = end;
    }
    replay(resource, p.script.never_freed, slots);
  }
  double worst() const { return *std::max_element(shortest_.begin(), shortest_.end()); }

private:
  std::vector<float> shortest_;
};

double worst_operation(const program& p, const subject& s, const std::function<void()>& step) {
  operation_times all(p.events);
  for (std::size_t round = 0; round < rounds_for_worst; ++round, step())
    s.with_fresh(std::pmr::new_delete_resource(),
                 [&](std::pmr::memory_resource& fresh) { all.add_replay(p, fresh); });
  malloc_trim(0);
  return all.worst();
}

// Subjects take turns, each round begins with the next one: what the machine does at one time falls on all.
std::vector<times> time_in_turn(const program& p, std::span<const subject> subjects, std::size_t rounds,
                                timer time, const std::function<void()>& step) {
  std::vector<times> all(subjects.size());
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t turn = 0; turn < subjects.size(); ++turn, step()) {
      const std::size_t i = (round + turn) % subjects.size();
      all[i].push_back(time(p, subjects[i]));
    }
  return all;
}

double median_ratio(times ours, const times& base) {
  for (std::size_t round = 0; round < ours.size(); ++round) ours[round] /= base[round];
  return median(std::move(ours));
}

std::size_t base_among(std::span<const subject> subjects) {
  for (std::size_t i = 0; i < subjects.size(); ++i)
    if (subjects[i].name == "new-delete") return i;
  return 0;
}

comparison compare_times(const program& p, std::span<const subject> subjects, std::size_t rounds, timer time,
                         const std::function<void()>& step) {
  const auto measured = time_in_turn(p, subjects, rounds, time, step);
  const std::size_t base = base_among(subjects);
  comparison compared{subjects[base].name, {}};
  for (std::size_t i = 0; i < subjects.size(); ++i)
    compared.results.push_back({.resource = subjects[i].name,
                                .ns = median(measured[i]),
                                .ratio = median_ratio(measured[i], measured[base]),
                                .worst_ns = 0,
                                .memory = {}});
  return compared;
}

std::vector<subject> thread_safe_ones(std::span<const subject> subjects) {
  std::vector<subject> safe(subjects.begin(), subjects.end());
  std::erase_if(safe, [](const subject& s) { return !s.thread_safe; });
  return safe;
}

} // namespace

double time_on_one_thread(const program& p, const subject& s) {
  double ns = 0;
  s.with_fresh(std::pmr::new_delete_resource(), [&](std::pmr::memory_resource& fresh) {
    replay_slots slots(p.script.slot_count);
    ns = processor_ns_per(p.events, [&] { replay(fresh, p.script.operations, slots); });
    replay(fresh, p.script.never_freed, slots);
  });
  malloc_trim(0);
  return ns;
}

memory_use memory_on_one_thread(const program& p, const subject& s) {
  const std::size_t points = std::min(most_memory_points, p.events);
  memory_use use{.peak_live = p.peak_live_bytes, .peak_counted = 0, .upstream_calls = 0, .history = {}};
  charged_upstream upstream(s.object_bytes);
  s.with_fresh(&upstream, [&](std::pmr::memory_resource& fresh) {
    replay_slots slots(p.script.slot_count);
    std::size_t live = 0, done = 0;
    for (std::size_t point = 1; point <= points; ++point) {
      std::size_t most_live = live;
      for (const std::size_t end = p.events * point / points; done < end; ++done) {
        const auto& op = p.script.operations[done];
        replay(fresh, op, slots);
        live += op.allocates ? op.size : -std::size_t{op.size};
        most_live = std::max(most_live, live);
      }
      use.history.push_back({most_live, upstream.take_peak()});
      use.peak_counted = std::max(use.peak_counted, use.history.back().held);
    }
    use.upstream_calls = upstream.calls();
    replay(fresh, p.script.never_freed, slots);
  });
  return use;
}

std::size_t steps_to_measure(const program& p, std::span<const subject> subjects, std::size_t rounds) {
  const std::size_t safe = p.has_threads() ? thread_safe_ones(subjects).size() : 0;
  return subjects.size() * (rounds + 1 + rounds_for_worst) + safe * (rounds + 1);
}

report measure(const program& p, std::span<const subject> subjects, std::size_t rounds,
               const std::function<void()>& step) {
  report all;
  if (p.events == 0) return all;
  all.one_thread = compare_times(p, subjects, rounds, time_on_one_thread, step);
  for (std::size_t i = 0; i < subjects.size(); ++i, step()) {
    all.one_thread.results[i].memory = memory_on_one_thread(p, subjects[i]);
    all.one_thread.results[i].worst_ns = worst_operation(p, subjects[i], step);
  }
  const auto safe = thread_safe_ones(subjects);
  if (!p.has_threads() || safe.empty()) return all;
  all.threaded = compare_times(p, safe, rounds, time_with_threads, step);
  for (std::size_t i = 0; i < safe.size(); ++i, step())
    all.threaded.results[i].memory = memory_with_threads(p, safe[i]);
  return all;
}

} // namespace quarry_replay
