// How much of a pool's memory is taken, and how much has ever been freed. Rung 0.
#pragma once

#include <atomic>
#include <cstddef>

namespace quarry::detail {

// Counted in batches, at refills and flushes: a block in a magazine counts as used.
//
//   used ≤ period_peak ≤ peak
class usage {
public:
  void add(std::size_t bytes) noexcept {
    const std::size_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    raise(period_peak_, now);
    raise(peak_, now);
  }
  void subtract(std::size_t bytes) noexcept {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    freed_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void start_period() noexcept { period_peak_.store(used(), std::memory_order_relaxed); }
  /// Everything is free at once, as release() does.
  void clear() noexcept { subtract(used()); }

  std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  std::size_t freed() const noexcept { return freed_.load(std::memory_order_relaxed); } ///< bytes ever, modulo 2^64
  std::size_t period_peak() const noexcept { return period_peak_.load(std::memory_order_relaxed); }
  std::size_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }

private:
  static void raise(std::atomic<std::size_t>& maximum, std::size_t value) noexcept {
    std::size_t seen = maximum.load(std::memory_order_relaxed);
    while (seen < value && !maximum.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }

  std::atomic<std::size_t> used_ = 0;
  std::atomic<std::size_t> freed_ = 0;
  std::atomic<std::size_t> period_peak_ = 0;
  std::atomic<std::size_t> peak_ = 0;
};

} // namespace quarry::detail
