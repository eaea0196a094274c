// How much empty memory a pool keeps, and for how long. Rung 0.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "usage.hpp"

namespace quarry::detail {

// Time is counted in frees: a period ends when as many bytes have been freed as were used at its peak, or at
// the peak of the period before if that was higher.
//
//   allowance = max(16 KiB, peak / 16, peak before / 16 · what is left of half a period, regretted)
//
// `regretted` is memory that was given back and had to be obtained again soon: a load that fills and empties
// over and over is allowed to keep it, and a chunk more since slabs never lie the same, and so comes to call
// upstream no more. One that was seen to come round from nearly nothing keeps all, whether or not something
// has been given back: where what is freed lies among what is live, little is, until the last. What lay idle
// throughout the last four periods, beyond an eighth of their peak, is taken off again, so that a burst is
// forgotten, but not the higher peak of a load that has several.
/// Not synchronized: its owner locks.
class retention {
public:
  static constexpr std::size_t by_use = ~std::size_t{0};

  /// `fixed` bytes are allowed, unless it is `by_use`.
  retention(const usage& u, std::size_t fixed) noexcept : usage_(u), fixed_(fixed) {}

  bool is_fixed() const noexcept { return fixed_ != by_use; }
  /// Bytes that may be kept whatever is used.
  std::size_t fixed() const noexcept { return is_fixed() ? fixed_ : 0; }

  /// May be asked without the owner's lock.
  std::size_t allowance() const noexcept {
    if (is_fixed()) return fixed_;
    const std::size_t length = this->length();
    const std::size_t left = length - std::min(length, 2 * freed_in_period());
    const std::size_t faded =
        length == 0 ? 0
                    : static_cast<std::size_t>(double(usage_.peak_before()) * double(left) / double(length));
    return std::max<std::size_t>({floor_bytes, usage_.period_peak() / 16, faded / 16, regretted_});
  }

  /// True while more is kept than is used, after a fall than an eighth of that: then frees must be seen, for
  /// periods to end. While less is, those that come to slabs do.
  bool settling(std::size_t idle) const noexcept {
    const std::size_t used = usage_.used();
    return !is_fixed() && idle > one_chunk + floor_bytes + (usage_.has_fallen() ? used / 8 : used);
  }

  /// May be asked without the owner's lock.
  bool period_is_over() const noexcept { return freed_in_period() >= length(); }

  /// Ends a period; of `held` bytes in chunks `idle` are empty now. The caller then has `usage` start the
  /// next.
  void end_period(std::size_t idle, std::size_t held) noexcept {
    least_idle_[period_] = least_idle_now_;
    const std::size_t unneeded = *std::min_element(least_idle_.begin(), least_idle_.end());
    const std::size_t slack = std::max(floor_bytes, usage_.period_peak() / 8);
    const std::size_t regretted = regretted_;
    const std::size_t needed = held - std::min(held, unneeded - std::min(unneeded, slack));
    regretted_ = comes_round() ? std::min(needed, a_quarter_more(length())) : std::min(regretted, needed);
    least_idle_now_ = idle;
    const bool was_round =
        was_low_ && usage_.period_peak() >= usage_.peak_before() - usage_.peak_before() / 8;
    two_rounds_ = was_round && one_round_;
    one_round_ = was_round;
    was_low_ = is_low();
    period_ = (period_ + 1) % memory;
    gifts_[period_] = {};
  }

  void idle_is(std::size_t idle) noexcept {
    least_idle_now_ = std::min(least_idle_now_, idle);
    was_low_ = was_low_ || is_low();
  }

  /// Of `idle` bytes `bytes` were given back.
  void given_back(std::size_t bytes, std::size_t idle) noexcept {
    gift& now = gifts_[period_];
    now.bytes += bytes;
    now.of = std::max(now.of, idle);
  }

  /// While `idle` others are there. What was idle with what was given back is needed again as well: it is
  /// kept from now on, too, lest the load has to come round for each chunk to be learnt of.
  void obtained(std::size_t bytes, std::size_t idle) noexcept {
    for (gift& given : gifts_) {
      const std::size_t regret = std::min(bytes, given.bytes);
      if (regret == 0) continue;
      given.bytes -= regret;
      bytes -= regret;
      const std::size_t before = regretted_;
      const std::size_t needed = std::max(before + regret, given.of - std::min(given.of, idle));
      regretted_ = std::max(needed, std::min(needed + one_chunk, length()));
    }
    if (comes_round()) {
      const std::size_t regretted = regretted_;
      regretted_ = std::max(regretted, std::min(regretted + bytes, a_quarter_more(usage_.peak_before())));
    }
  }

private:
  static constexpr unsigned memory = 4;             // periods
  static constexpr std::size_t floor_bytes = 16384; // not worth a call upstream
  static constexpr std::size_t one_chunk = 65536;   // what is idle by chance

  // A load that comes round from nearly nothing needs all that is held, and what it obtains as well: slabs
  // never lie the same, so now and then it needs a chunk more than ever before. More than a quarter beyond
  // the rounds before is no round, but a burst.
  bool comes_round() const noexcept { return two_rounds_ || regretted_ >= length() - length() / 8; }
  bool is_low() const noexcept { return usage_.used() < length() / 8; }
  static std::size_t a_quarter_more(std::size_t peak) noexcept { return peak + peak / 4; }

  std::size_t length() const noexcept { return usage_.long_peak(); }
  std::size_t freed_in_period() const noexcept { return usage_.freed_in_period(); }

  const usage& usage_;
  const std::size_t fixed_;
  relaxed<std::size_t> regretted_;
  unsigned period_ = 0;                         // modulo `memory`
  bool was_low_ = false;                        // in this period
  bool one_round_ = false, two_rounds_ = false; // the last periods were
  std::size_t least_idle_now_ = 0;
  std::array<std::size_t, memory> least_idle_{}; // of the last periods
  struct gift { // what was given back in a period, and the most that was idle then
    std::size_t bytes = 0, of = 0;
  };
  std::array<gift, memory> gifts_{};
};

} // namespace quarry::detail
