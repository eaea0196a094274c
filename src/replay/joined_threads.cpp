#include "joined_threads.hpp"

#include <functional>
#include <queue>
#include <utility>

namespace quarry_replay {
namespace {

std::vector<std::size_t> last_events(const trace& recorded) {
  std::vector<std::size_t> last(recorded.thread_count);
  for (std::size_t i = 0; i < recorded.events.size(); ++i) last[recorded.events[i].thread] = i;
  return last;
}

} // namespace

trace with_threads_joined(trace recorded) {
  constexpr std::uint32_t none = ~std::uint32_t{0};
  const auto last = last_events(recorded);
  std::vector<std::uint32_t> joined(recorded.thread_count, none);
  using ending = std::pair<std::size_t, std::uint32_t>; // last event, joined number
  std::priority_queue<ending, std::vector<ending>, std::greater<>> alive;
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < recorded.events.size(); ++i) {
    const std::uint32_t thread = recorded.events[i].thread;
    if (joined[thread] == none) {
      const bool one_has_ended = !alive.empty() && alive.top().first < i;
      joined[thread] = one_has_ended ? alive.top().second : count++;
      if (one_has_ended) alive.pop();
      alive.push({last[thread], joined[thread]});
    }
    recorded.events[i].thread = joined[thread] & 0x7fffffffu;
  }
  recorded.thread_count = count;
  return recorded;
}

} // namespace quarry_replay
