// When memory is held in vain, and whether something can be done about it. Rung 1.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "upstream.hpp"
#include "usage.hpp"

namespace quarry::detail {

// What is held is measured against the most that was used lately: in this period and the one before, after a
// fall in two windows; segments, which shall go at once, against what is used now. After a fall memory is
// worth more than time, and less is let pass.
//
//   pooled = held − oversized
//
/// Not synchronized: it reads what changes under its owner, and is never far off.
class thrift {
public:
  /// `fixed` bytes may be kept whatever is used.
  thrift(const upstream& up, const usage& use, bool shared, bool of_segments, std::size_t fixed) noexcept
      : up_(up), usage_(use), shared_(shared), of_segments_(of_segments), fixed_(fixed) {}

  /// True while more than a third of what is held was not used lately; after a fall a ninth. Of segments a
  /// fifth that is not used now.
  bool holds_much_in_vain() const noexcept {
    const std::size_t used = used_lately();
    return pooled() > used + little_in_vain(used) + fixed_;
  }

  /// Much is not used now; whether it was lately is known only when frees are seen.
  bool may_hold_in_vain() const noexcept {
    const std::size_t used = usage_.used();
    return !of_segments_ && (usage_.recent_peak() > 2 * used || usage_.may_have_fallen()) &&
           pooled() > 2 * (used + worth_it);
  }

  /// Whether classes should drain: while much is held in vain, and chunks come to be empty by it.
  bool should_drain() noexcept {
    if (of_segments_) return holds_much_in_vain();
    const std::size_t freed = usage_.freed() - freed_at_progress_.load(std::memory_order_relaxed);
    if (holds_much_in_vain()) return !leads_nowhere(freed);
    if (freed > worth_it) note_progress();
    return false;
  }
  /// To be told when a chunk goes upstream.
  void note_progress() noexcept {
    freed_at_progress_.store(usage_.freed(), std::memory_order_relaxed);
    used_at_progress_.store(usage_.used(), std::memory_order_relaxed);
  }

  /// Whether so many free bytes, in chunks that are in use, mean that slabs lie scattered.
  bool is_much_scattered(std::size_t free_bytes) const noexcept {
    const std::size_t used = usage_.used();
    return free_bytes > (usage_.has_fallen() ? used / 20 + worth_it / 4 : used / 10 + worth_it);
  }

  /// Whether a ninth of what slabs take is not used, where `free_bytes` are in none.
  bool is_free_in_slabs(std::size_t free_bytes) const noexcept {
    const std::size_t used = usage_.used();
    return pooled() > used + used / 8 + not_worth_it() + free_bytes;
  }

  /// Whether at the end of a period more than a third of what is held was not used.
  bool was_held_in_vain() const noexcept {
    const std::size_t used = usage_.recent_peak();
    return pooled() > used + used / 2 + (usage_.has_fallen() ? 0 : not_worth_it()) + fixed_;
  }

private:
  static constexpr std::size_t worth_it = 32768; // bytes in vain that are not worth slower calls

  std::size_t used_lately() const noexcept {
    if (of_segments_) return usage_.used();
    return usage_.has_fallen() ? usage_.recent_peak() : usage_.long_peak();
  }
  std::size_t pooled() const noexcept { // one may have changed since the other was read
    const std::size_t held = up_.held();
    return held - std::min(held, usage_.oversized());
  }
  std::size_t little_in_vain(std::size_t used) const noexcept {
    if (of_segments_) return used / 4 + 2 * worth_it;
    return usage_.has_fallen() ? used / 8 + worth_it / 2 : used / 2 + not_worth_it();
  }
  // Threads' caches may hold 1 MiB whatever is used; what a pool of that size gives back in haste it has to
  // take again.
  std::size_t not_worth_it() const noexcept {
    return shared_ && !of_segments_ ? std::size_t{1} << 20 : 8 * worth_it;
  }
  // Some blocks stay for long and others come and go: neither has a chunk gone upstream nor is less used than
  // before, while eight times as much was freed as is used. Then it is tried for an eighth of the time only.
  // (Of n blocks scattered over a chunk the last one is replaced after ln n times as many as there are, which
  // is 6 for the smallest.)
  bool leads_nowhere(std::size_t freed) noexcept {
    const std::size_t used = usage_.used();
    if (used + used / 8 >= used_at_progress_.load(std::memory_order_relaxed))
      return freed / (8 * (used + worth_it)) % 8 != 0;
    note_progress();
    return false;
  }

  const upstream& up_;
  const usage& usage_;
  const bool shared_, of_segments_;
  const std::size_t fixed_;
  std::atomic<std::size_t> freed_at_progress_ = 0, used_at_progress_ = 0;
};

} // namespace quarry::detail
