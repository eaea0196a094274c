// The depots of all classes: made late, and given room by use. Rung 3.
#pragma once

#include <atomic>
#include <cstddef>

#include "cached_room.hpp"
#include "depot.hpp"
#include "pool_set.hpp"
#include "slab_source.hpp"

namespace quarry::detail {

// What is asked of a class that has no depot is answered as for one without room.
//
//   room_bytes_ = Σ room · block size ≤ the room there is for depots, but while others give way
class depot_set {
public:
  static constexpr std::size_t most_bytes = 1024; ///< of one depot

  /// `segments`: its blocks are records.
  depot_set(pool_set& pools, slab_source& source, const cached_room& room, bool wanted,
            bool segments) noexcept
      : pools_(pools), source_(source), room_(room), wanted_(wanted), segments_(segments) {}

  /// Whether there may be any.
  bool wanted() const noexcept { return wanted_; }

  /// Lets blocks of class `c` be handed on from now on, if it has many and there is memory at hand.
  void make(size_class c) noexcept;

  std::size_t count(size_class c) const noexcept {
    const depot* const d = find(c);
    return d == nullptr ? 0 : d->count();
  }
  std::size_t room(size_class c) const noexcept {
    const depot* const d = find(c);
    return d == nullptr ? 0 : d->room();
  }
  bool has_room(size_class c, std::size_t count) const noexcept {
    const depot* const d = find(c);
    return d != nullptr && d->count() + count <= d->room();
  }

  /// Takes up to `count` blocks that another thread handed on.
  std::size_t take(size_class c, void** out, std::size_t count) noexcept;
  /// Hands blocks on as far as there is room for them; returns how many.
  std::size_t put(size_class c, void* const* blocks, std::size_t count) noexcept;

  /// Makes room for `more` blocks of class `c`, at least twice as much as there is. False when others would
  /// have to give way.
  bool enlarge(size_class c, std::size_t more) noexcept;

  bool have_too_much() const noexcept {
    return room_bytes_.load(std::memory_order_relaxed) > room_.of_depots();
  }
  /// Room of a class that is to be taken from it.
  struct surplus {
    size_class c;
    std::size_t room;
  };
  /// Of the next depot, going round: half of its room when it was not used lately or all have too much.
  surplus next_surplus() noexcept;
  /// Takes it away, as far as that is possible without taking blocks out; else takes up to
  /// pool::most_at_once. Returns how many: 0 when all is done.
  std::size_t lower(surplus& s, void** out) noexcept;

  /// Writes the blocks' addresses to `out` as far as there is room; returns how many there are.
  std::size_t list(const void** out, std::size_t room) const noexcept;
  /// Calls f(class, block) for each.
  template <class Function>
  void for_each_block(Function f) const {
    for (size_class c = 0; c < magazine_count; ++c)
      if (depot* const d = find(c)) d->for_each([&](void* block) { f(c, block); });
  }

  void forget_all() noexcept { room_bytes_.store(0, std::memory_order_relaxed); } ///< the pools are gone

private:
  depot* find(size_class c) const noexcept {
    const pool* const p = pools_.find(c);
    return p == nullptr ? nullptr : p->depot_or_null();
  }

  pool_set& pools_;
  slab_source& source_;
  const cached_room& room_;
  std::atomic<std::size_t> room_bytes_ = 0;
  std::atomic<std::size_t> next_looked_at_ = 0; // a depot, modulo their number
  const bool wanted_, segments_;
};

} // namespace quarry::detail
