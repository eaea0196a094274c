// Keeps threads that replay a program near each other in its recorded order. Without it a producer would run
// far ahead of its consumers, which the program's own queues prevented, and a replay would hold many times
// what the program ever had.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>
#include <vector>

namespace quarry_replay {

class pace {
public:
  /// How many events of the recorded order a thread may be ahead of the last one, and how many it may pass
  /// between two calls: few, since a thread that waits for a block is waiting without saying so.
  static constexpr std::size_t most_ahead = 16384, stride = 512;

  explicit pace(std::size_t threads) : next_events_(threads) {}

  /// Called by a thread whose next event has that number; waits while it is too far ahead. The thread with
  /// the lowest number never waits here, so someone always goes on.
  void reach(std::size_t thread, std::size_t event) {
    std::unique_lock lock(mutex_);
    move(thread, event);
    others_moved_.wait(lock, [&] { return event <= last_ + most_ahead; });
  }
  /// Called by a thread that has no more events, or cannot go on.
  void leave(std::size_t thread) {
    const std::lock_guard guard(mutex_);
    move(thread, nobody);
  }

private:
  static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max() - most_ahead;

  void move(std::size_t thread, std::size_t event) {
    next_events_[thread] = event;
    last_ = *std::min_element(next_events_.begin(), next_events_.end());
    if (last_ < told_ + most_ahead / 4 && event != nobody) return; // so that they wake for more than a few
    told_ = last_;
    others_moved_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable others_moved_;
  std::vector<std::size_t> next_events_; // by thread
  std::size_t last_ = 0;                 // the least of them
  std::size_t told_ = 0;                 // when others were woken
};

} // namespace quarry_replay
