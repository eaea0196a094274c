// How much of a pool's memory is taken, and how much has ever been freed. Rung 0.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "relaxed.hpp"

namespace quarry::detail {

// Counted in batches, at refills and flushes: a block in a magazine counts as used. Time is counted in frees:
// a window is over when an eighth of what was used at the highest was freed. A load that empties and fills
// all the time comes up to a quarter in any two windows.
//
//   used = taken − given ≤ window_peak, period_peak ≤ peak;   period_peak ≤ high when a period ends
//
// A pool's first blocks, the nursery's, count in the peak alone: no time passes with them.
class usage {
public:
  explicit usage(bool shared) noexcept : shared_(shared) {}

  /// Pooled blocks were taken from slabs. What others take and give back meanwhile may be missed by half: of
  /// more given than taken the difference is nothing.
  void add(std::size_t bytes) noexcept {
    const std::size_t taken = increase(taken_, bytes);
    const std::size_t now = taken - std::min(taken, given_.load(std::memory_order_relaxed));
    raise(window_peak_, now);
    raise(period_peak_, now);
    if (has_fallen()) see_whether_fallen();
    raise(peak_, now + oversized() + early_);
  }
  /// Pooled blocks were given back to slabs.
  void subtract(std::size_t bytes) noexcept {
    increase(given_, bytes);
    see_to_window();
  }
  /// The same for blocks whose freeing note_freed has counted.
  void subtract_counted(std::size_t bytes) noexcept {
    increase(given_, bytes);
    increase(pushed_, ~bytes + 1);
  }
  /// Blocks were freed into a magazine: time goes on.
  void note_freed(std::size_t bytes) noexcept {
    increase(pushed_, bytes);
    see_to_window();
  }

  /// Blocks of the nursery were taken. Expects its lock to be held.
  void add_early(std::size_t bytes) noexcept {
    early_ += bytes;
    const std::size_t now = early_ + used() + oversized();
    if (early_peak_ < now) early_peak_ = now;
  }
  /// The same of those given back.
  void subtract_early(std::size_t bytes) noexcept { early_ -= bytes; }
  std::size_t early() const noexcept { return early_; }

  void add_oversized(std::size_t bytes) noexcept {
    const std::size_t now = increase(oversized_, bytes);
    raise(peak_, now + used() + early_);
  }
  void subtract_oversized(std::size_t bytes) noexcept { increase(oversized_, ~bytes + 1); }
  void start_period() noexcept {
    const std::size_t high = high_.load(std::memory_order_relaxed);
    high_.store(std::max(high - high / 16, period_peak()), std::memory_order_relaxed);
    peak_before_.store(period_peak(), std::memory_order_relaxed);
    period_peak_.store(used(), std::memory_order_relaxed);
    freed_at_start_.store(freed(), std::memory_order_relaxed);
    see_whether_fallen();
  }
  /// Everything is free at once, as release() does.
  void clear() noexcept {
    if (const std::size_t left = used()) subtract(left);
    oversized_.store(0, std::memory_order_relaxed);
    early_ = 0;
  }

  std::size_t used() const noexcept {
    const std::size_t given = given_.load(std::memory_order_relaxed); // first: what is given was taken before
    return taken_.load(std::memory_order_relaxed) - given;
  }
  std::size_t oversized() const noexcept { return oversized_.load(std::memory_order_relaxed); }
  /// Bytes ever freed, modulo 2^64.
  std::size_t freed() const noexcept {
    return given_.load(std::memory_order_relaxed) + pushed_.load(std::memory_order_relaxed);
  }
  std::size_t freed_in_period() const noexcept {
    return freed() - freed_at_start_.load(std::memory_order_relaxed);
  }
  std::size_t period_peak() const noexcept { return period_peak_.load(std::memory_order_relaxed); }
  /// The most used in this period and the one before.
  std::size_t long_peak() const noexcept { return std::max(period_peak(), peak_before()); }
  /// The most used in the period before.
  std::size_t peak_before() const noexcept { return peak_before_.load(std::memory_order_relaxed); }
  /// The most used in this window and the one before.
  std::size_t recent_peak() const noexcept {
    return std::max(window_peak_.load(std::memory_order_relaxed), before_.load(std::memory_order_relaxed));
  }
  /// Less was used for a while than a quarter of what once was, which fades; of a small pool, where magazines
  /// count for much, a third.
  bool has_fallen() const noexcept { return has_fallen_.load(std::memory_order_relaxed); }
  /// So little is used, and ever was, that time is worth more than memory.
  bool is_small() const noexcept { return high() < std::size_t{1} << 20 && !has_fallen(); }
  /// Little is used now, but for how long is not known.
  bool may_have_fallen() const noexcept { return used() < few() && !has_fallen(); }
  std::size_t peak() const noexcept {
    return std::max<std::size_t>(peak_.load(std::memory_order_relaxed), early_peak_);
  }

private:
  std::size_t high() const noexcept { return std::max(high_.load(std::memory_order_relaxed), period_peak()); }
  std::size_t few() const noexcept {
    constexpr std::size_t small = std::size_t{2} << 20;
    const std::size_t most = high();
    return most / (most <= small ? 3 : 4);
  }
  // Of threads that see that it is over one begins the next.
  void see_to_window() noexcept {
    const std::size_t now = freed();
    std::size_t start = window_start_.load(std::memory_order_relaxed);
    if (now - start < high() / 8) return;
    if (!window_start_.compare_exchange_strong(start, now, std::memory_order_relaxed)) return;
    before_.store(window_peak_.exchange(used(), std::memory_order_relaxed), std::memory_order_relaxed);
    see_whether_fallen();
  }
  void see_whether_fallen() noexcept {
    const bool fallen = recent_peak() < few();
    if (fallen != has_fallen()) has_fallen_.store(fallen, std::memory_order_relaxed);
  }

  // Without other threads no locked instruction is needed.
  std::size_t increase(std::atomic<std::size_t>& value, std::size_t by) noexcept {
    if (shared_) return value.fetch_add(by, std::memory_order_relaxed) + by;
    const std::size_t now = value.load(std::memory_order_relaxed) + by;
    value.store(now, std::memory_order_relaxed);
    return now;
  }
  void raise(std::atomic<std::size_t>& maximum, std::size_t value) noexcept {
    std::size_t seen = maximum.load(std::memory_order_relaxed);
    if (!shared_ && seen < value) return maximum.store(value, std::memory_order_relaxed);
    while (seen < value && !maximum.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }

  const bool shared_;
  std::atomic<std::size_t> taken_ = 0;  // bytes ever taken from slabs
  std::atomic<std::size_t> given_ = 0;  // bytes ever given back to slabs
  std::atomic<std::size_t> pushed_ = 0; // bytes ever freed into magazines where frees are counted
  std::atomic<std::size_t> oversized_ = 0;
  relaxed<std::size_t> early_, early_peak_; // bytes of the nursery; the peak seen when they were taken
  std::atomic<std::size_t> period_peak_ = 0;
  std::atomic<std::size_t> peak_before_ = 0;    // of a period
  std::atomic<std::size_t> freed_at_start_ = 0; // of the period
  std::atomic<std::size_t> high_ = 0;           // peaks of periods, fading
  std::atomic<std::size_t> window_peak_ = 0, before_ = 0;
  std::atomic<std::size_t> window_start_ = 0;
  std::atomic<bool> has_fallen_ = false;
  std::atomic<std::size_t> peak_ = 0;
};

} // namespace quarry::detail
