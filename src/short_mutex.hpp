// A mutex of one word for sections of a few hundred instructions. Rung 0.
#pragma once

#include <atomic>
#include <cstdint>

namespace quarry::detail {

// No call where nobody waits; who has to wait looks a few times before it sleeps. After Drepper, "Futexes are
// tricky" (2011).
//
//   state: free, taken, or contended: taken, and somebody may be asleep
class short_mutex {
public:
  void lock() noexcept {
    if (!try_lock()) sleep_until_locked();
  }
  /// Looks a few times, and does not sleep.
  bool try_lock() noexcept { return try_lock_once() || try_lock_taken(); }
  void unlock() noexcept {
    if (state_.exchange(free, std::memory_order_release) == contended) wake_one();
  }

private:
  enum : std::uint32_t { free, taken, contended };

  bool try_lock_once() noexcept {
    std::uint32_t expected = free;
    return state_.compare_exchange_strong(expected, taken, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  bool try_lock_taken() noexcept;
  void sleep_until_locked() noexcept;
  void wake_one() noexcept;

  std::atomic<std::uint32_t> state_ = free;
};
static_assert(sizeof(short_mutex) == 4, "the system waits at its address");

} // namespace quarry::detail
