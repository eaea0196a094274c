// How much empty memory a pool keeps, and for how long. Rung 0.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "usage.hpp"

namespace quarry::detail {

// Time is counted in frees: a period ends when as many bytes have been freed as were used at its peak (and an eighth of
// the peak before, so that the foot of a tooth is no period of its own).
//
//   allowance = max(peak of the last period / 8, regretted)
//
// `regretted` is memory that was given back and had to be obtained again soon: a load that fills and empties over and
// over is allowed to keep it, and so comes to call upstream no more. What lay idle throughout the last four periods,
// beyond an eighth of their peak, is taken off again, so that a burst is forgotten, but not the higher peak of a load
// that has several.
/// Not synchronized: its owner locks.
class retention {
public:
  explicit retention(const usage& u) noexcept : usage_(u) {}

  std::size_t allowance() const noexcept { return std::max({floor_bytes, recent_peak() / 8, regretted_}); }

  /// True while more is kept than today's use alone would allow: then frees must be seen, for periods to end.
  bool settling(std::size_t idle) const noexcept { return idle > floor_bytes + usage_.used() / 8; }

  /// May be asked without the owner's lock.
  bool period_is_over() const noexcept {
    const std::size_t length = std::max(usage_.period_peak(), last_peak_.load(std::memory_order_relaxed) / 8);
    return usage_.freed() - freed_at_start_.load(std::memory_order_relaxed) >= length;
  }

  /// Ends a period during which `idle` bytes are empty now. The caller then tells `usage` to start one.
  void end_period(std::size_t idle) noexcept {
    last_peak_.store(usage_.period_peak(), std::memory_order_relaxed);
    freed_at_start_.store(usage_.freed(), std::memory_order_relaxed);
    least_idle_[period_ % memory] = least_idle_now_;
    const std::size_t unneeded = *std::min_element(least_idle_.begin(), least_idle_.end());
    const std::size_t slack = std::max(floor_bytes, last_peak_.load(std::memory_order_relaxed) / 8);
    if (unneeded > slack) regretted_ -= std::min(regretted_, unneeded - slack);
    least_idle_now_ = idle;
    ++period_;
    given_[period_ % memory] = 0;
  }

  void idle_is(std::size_t idle) noexcept { least_idle_now_ = std::min(least_idle_now_, idle); }

  void given_back(std::size_t bytes) noexcept { given_[period_ % memory] += bytes; }

  void obtained(std::size_t bytes) noexcept {
    for (std::size_t& given : given_) {
      const std::size_t regret = std::min(bytes, given);
      given -= regret;
      bytes -= regret;
      regretted_ += regret;
    }
  }

private:
  static constexpr std::size_t memory = 4;           // periods
  static constexpr std::size_t floor_bytes = 16384;  // not worth a call upstream

  std::size_t recent_peak() const noexcept { return std::max(last_peak_.load(std::memory_order_relaxed), usage_.period_peak()); }

  const usage& usage_;
  std::atomic<std::size_t> last_peak_ = 0;
  std::atomic<std::size_t> freed_at_start_ = 0;
  std::size_t regretted_ = 0;
  std::size_t period_ = 0;
  std::size_t least_idle_now_ = 0;
  std::array<std::size_t, memory> least_idle_{}; // of the last periods
  std::array<std::size_t, memory> given_{};      // in the last periods
};

} // namespace quarry::detail
