// Free blocks of one class on their way from thread to thread. Rung 3.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "short_mutex.hpp"

namespace quarry::detail {

// What magazines flush into and are refilled from before slabs are asked; any thread, at any time. As far as
// the slabs know its blocks are used.
//
// A stack, so that a batch is one copy: of the lines that change cores with it, one is for the lock and the
// counts. Who finds another thread inside looks a few times and then does without: that thread may have been
// interrupted.
//
//   count ≤ room ≤ most = slots that follow
class depot {
public:
  /// One in a piece of so many bytes.
  explicit depot(std::size_t piece_bytes) noexcept
      : most_(static_cast<std::uint16_t>((piece_bytes - sizeof(depot)) / sizeof(void*))) {}

  std::size_t most() const noexcept { return most_; }
  std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  std::size_t room() const noexcept { return room_.load(std::memory_order_relaxed); }

  /// Takes up to `wanted` blocks, the newest; returns how many.
  std::size_t take(void** out, std::size_t wanted) noexcept {
    if (count() == 0) return 0;
    const std::unique_lock inside(mutex_, std::try_to_lock);
    return inside ? take_inside(out, wanted) : 0;
  }
  /// The same for who can't do without.
  std::size_t take_waiting(void** out, std::size_t wanted) noexcept {
    const std::lock_guard inside(mutex_);
    return take_inside(out, wanted);
  }
  /// Keeps what fits of blocks[0, offered) and returns how many that is.
  std::size_t put(void* const* blocks, std::size_t offered) noexcept {
    if (count() >= room()) return 0;
    const std::unique_lock inside(mutex_, std::try_to_lock);
    if (!inside) return 0;
    const std::size_t before = count(), kept = std::min(offered, room() - before);
    std::memcpy(slots() + before, blocks, kept * sizeof(void*));
    set(count_, before + kept);
    return kept;
  }

  /// Makes room for `more` blocks, or as many as there are slots for; returns how many.
  std::size_t add_room(std::size_t more) noexcept {
    const std::lock_guard inside(mutex_);
    const std::size_t added = std::min(more, most() - room());
    set(room_, room() + added);
    return added;
  }
  /// Takes room away, as far as it is empty; returns how much.
  std::size_t remove_room(std::size_t less) noexcept {
    const std::lock_guard inside(mutex_);
    const std::size_t removed = std::min(less, room() - count());
    set(room_, room() - removed);
    return removed;
  }

  /// Calls f(block) for each, while no other thread is inside.
  template <class Function>
  void for_each(Function f) noexcept {
    const std::lock_guard inside(mutex_);
    for (std::size_t i = 0; i < count(); ++i) f(slots()[i]);
  }

  /// Whether it was used since somebody asked.
  bool used_lately() noexcept {
    return used_.load(std::memory_order_relaxed) && used_.exchange(false, std::memory_order_relaxed);
  }
  void note_use() noexcept {
    if (!used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
  }

private:
  using small_count = std::atomic<std::uint32_t>; // written under the mutex
  static void set(small_count& count, std::size_t now) noexcept {
    count.store(static_cast<std::uint32_t>(now), std::memory_order_relaxed);
  }
  std::size_t take_inside(void** out, std::size_t wanted) noexcept {
    const std::size_t before = count(), taken = std::min(wanted, before);
    std::memcpy(out, slots() + before - taken, taken * sizeof(void*));
    set(count_, before - taken);
    return taken;
  }

  void** slots() noexcept { return reinterpret_cast<void**>(this + 1); }

  short_mutex mutex_;
  small_count count_ = 0, room_ = 0;
  std::atomic<bool> used_ = false;
  const std::uint16_t most_;
};
static_assert(sizeof(depot) == 16, "slots follow on the same line");

} // namespace quarry::detail
