// Free blocks of one class on their way from thread to thread. Rung 3.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace quarry::detail {

// A set of slots as a list by index, after Treiber, "Systems programming: coping with parallelism" (1986). No
// lock, since with more threads than cores a lock is soon held by one that does not run. The head counts its
// changes, so that a thread that was interrupted for long does not take it for the one it saw.
//
//   head = changes · 2^16 + length · 2^8 + first slot
template <std::size_t Slots>
class slot_list {
public:
  using links = std::array<std::atomic<std::uint8_t>, Slots>;
  static_assert(Slots < 256);

  std::size_t length() const noexcept { return length_of(head_.load(std::memory_order_relaxed)); }

  /// Takes up to `count` slots off; `taken` of them follow each other from the one returned.
  std::uint8_t take(const links& next, std::size_t count, std::size_t& taken) noexcept {
    std::uint64_t seen = head_.load(std::memory_order_acquire);
    for (;;) {
      taken = std::min(count, length_of(seen));
      if (taken == 0) return 0;
      std::uint8_t rest = first_of(seen);
      for (std::size_t i = 0; i < taken; ++i) rest = next[rest].load(std::memory_order_relaxed);
      const std::uint64_t now = head(seen, rest, length_of(seen) - taken);
      if (head_.compare_exchange_weak(seen, now, std::memory_order_acq_rel, std::memory_order_acquire))
        return first_of(seen);
    }
  }

  /// Adds `count` ≥ 1 slots that follow each other from `first` to `last`.
  void put(links& next, std::uint8_t first, std::uint8_t last, std::size_t count) noexcept {
    std::uint64_t seen = head_.load(std::memory_order_relaxed);
    std::uint64_t now;
    do {
      next[last].store(first_of(seen), std::memory_order_relaxed);
      now = head(seen, first, length_of(seen) + count);
    } while (!head_.compare_exchange_weak(seen, now, std::memory_order_acq_rel, std::memory_order_relaxed));
  }

private:
  static std::uint64_t head(std::uint64_t before, std::uint8_t first, std::size_t length) noexcept {
    return (((before >> 16) + 1) << 16) | length << 8 | first;
  }
  static std::uint8_t first_of(std::uint64_t head) noexcept { return static_cast<std::uint8_t>(head); }
  static std::size_t length_of(std::uint64_t head) noexcept { return head >> 8 & 255; }

  std::atomic<std::uint64_t> head_ = 0;
};

// What magazines flush into and are refilled from before slabs are asked; any thread, at any time. As far as
// the slabs know its blocks are used.
//
//   slots = idle + empty + full;   room = empty + full
class alignas(64) depot {
public:
  static constexpr std::size_t most = 108;

  depot() noexcept {
    for (std::size_t i = 0; i < most; ++i)
      next_[i].store(static_cast<std::uint8_t>(i + 1), std::memory_order_relaxed);
    idle_.put(next_, 0, most - 1, most);
  }

  std::size_t count() const noexcept { return full_.length(); }
  std::size_t room() const noexcept { return most - std::min(most, idle_.length()); }

  /// Takes up to `wanted` blocks; returns how many.
  std::size_t take(void** out, std::size_t wanted) noexcept {
    return move(full_, empty_, wanted, [&](std::size_t i, void*& slot) { out[i] = slot; });
  }
  /// Keeps what fits of blocks[0, offered) and returns how many that is.
  std::size_t put(void* const* blocks, std::size_t offered) noexcept {
    return move(empty_, full_, offered, [&](std::size_t i, void*& slot) { slot = blocks[i]; });
  }

  /// Makes room for `more` blocks, or as many as there are slots for; returns how many.
  std::size_t add_room(std::size_t more) noexcept {
    return move(idle_, empty_, more, [](std::size_t, void*&) {});
  }
  /// Takes room away, as far as it is empty at the moment; returns how much.
  std::size_t remove_room(std::size_t less) noexcept {
    return move(empty_, idle_, less, [](std::size_t, void*&) {});
  }

  /// Calls f(block) for each, while no other thread can have it.
  template <class Function>
  void for_each(Function f) noexcept {
    std::size_t count;
    const std::uint8_t first = full_.take(next_, most, count);
    std::uint8_t last = first;
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) last = next_[last].load(std::memory_order_relaxed);
      f(slots_[last]);
    }
    if (count != 0) full_.put(next_, first, last, count);
  }

  /// Whether it was used since somebody asked.
  bool used_lately() noexcept {
    return used_.load(std::memory_order_relaxed) && used_.exchange(false, std::memory_order_relaxed);
  }
  void note_use() noexcept {
    if (!used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
  }

private:
  using list = slot_list<most>;

  // Between the two takes of its lists a slot is its mover's alone.
  template <class Function>
  std::size_t move(list& from, list& to, std::size_t count, Function f) noexcept {
    std::size_t moved;
    const std::uint8_t first = from.take(next_, count, moved);
    if (moved == 0) return 0;
    std::uint8_t last = first;
    f(0, slots_[first]);
    for (std::size_t i = 1; i < moved; ++i) {
      last = next_[last].load(std::memory_order_relaxed);
      f(i, slots_[last]);
    }
    to.put(next_, first, last, moved);
    return moved;
  }

  list full_, empty_, idle_;
  std::atomic<bool> used_ = false;
  list::links next_;
  std::array<void*, most> slots_{};
};
static_assert(sizeof(depot) == 1024, "a piece of bookkeeping");

} // namespace quarry::detail
