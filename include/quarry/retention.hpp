// How much empty memory a pool keeps, and for how long. Rung 0.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include <quarry/usage.hpp>

namespace quarry::detail {

// Time is counted in frees: a period ends when as many bytes have been freed as were used at its peak.
//
//   allowance = max(peak of the last period / 8, regretted)
//
// `regretted` is memory that was given back and had to be obtained again within two periods: a load that fills and
// empties over and over is allowed to keep it, and so comes to call upstream no more. What lay idle throughout a period
// is taken off again, so that a burst is forgotten.
/// Not synchronized: its owner locks.
class retention {
public:
  explicit retention(const usage& u) noexcept : usage_(u) {}

  std::size_t allowance() const noexcept { return std::max({last_peak_ / 8, usage_.period_peak() / 8, regretted_}); }

  /// True while more is kept than the peak alone would allow: then frees must be seen, for the period to go on.
  bool settling(std::size_t idle) const noexcept { return idle > std::max(last_peak_, usage_.period_peak()) / 8; }

  /// May be asked without the owner's lock.
  bool period_is_over() const noexcept {
    return usage_.freed() - freed_at_start_.load(std::memory_order_relaxed) >= usage_.period_peak();
  }

  /// Ends a period during which `idle` bytes are empty now. The caller then tells `usage` to start one.
  void end_period(std::size_t idle) noexcept {
    last_peak_ = usage_.period_peak();
    freed_at_start_.store(usage_.freed(), std::memory_order_relaxed);
    regretted_ -= std::min(regretted_, least_idle_);
    least_idle_ = idle;
    given_before_ = given_;
    given_ = 0;
  }

  void idle_is(std::size_t idle) noexcept { least_idle_ = std::min(least_idle_, idle); }

  void given_back(std::size_t bytes) noexcept { given_ += bytes; }

  void obtained(std::size_t bytes) noexcept {
    const std::size_t from_now = std::min(bytes, given_);
    const std::size_t from_before = std::min(bytes - from_now, given_before_);
    given_ -= from_now;
    given_before_ -= from_before;
    regretted_ += from_now + from_before;
  }

private:
  const usage& usage_;
  std::size_t last_peak_ = 0;
  std::atomic<std::size_t> freed_at_start_ = 0;
  std::size_t regretted_ = 0;
  std::size_t least_idle_ = 0;
  std::size_t given_ = 0;
  std::size_t given_before_ = 0;
};

} // namespace quarry::detail
