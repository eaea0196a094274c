// How a magazine works at the moment, and whether its frees are counted. Rung 5, cold, for both resources.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "cached_room.hpp"
#include "pool_core.hpp"
#include <quarry/magazine.hpp>

namespace quarry::detail {

// As a rule blocks are pushed and popped, and the cold path sees a batch at a time. While memory is kept that
// is to be forgotten, each free passes through the cold path, to be counted. While the class is draining,
// freed blocks are pushed but never popped: they go to their slabs in batches, so that slabs come to be
// empty; allocations get the lowest blocks there are, a few of which are fetched at once.
enum class way { stack, counted, draining };

inline way way_of(pool_core& core, size_class c) noexcept {
  if (core.pools().drains(c)) return way::draining;
  return core.settling() ? way::counted : way::stack;
}

/// Few, since each of them keeps a slab from being empty; all classes together have about a tenth of what is
/// used.
inline std::size_t most_while_draining(const cached_room& room, size_class c) noexcept {
  constexpr std::size_t little = 2048; // bytes
  const std::size_t block = block_sizes[c];
  if (!room.is_thrifty()) return std::clamp<std::size_t>(little / block, 1, pool::most_at_once);
  return std::min(std::min(room.used() / 512, little) / block, pool::most_at_once);
}

inline void choose(const cached_room& room, magazine_set& set, size_class c, way now) noexcept {
  if (now == way::stack && set.is_open(c)) return;
  set.let_pop(c, now != way::draining);
  set.let_push(c, now == way::counted    ? 0
                  : now == way::draining ? most_while_draining(room, c)
                                         : set.capacity(c));
}

// While frees are counted all of them take the cold path, most for nothing else. A set adds its bytes up and
// tells the pool, whose count all threads share, from 2 KiB on.
inline constexpr std::uint32_t worth_counting = 2048; // bytes

/// The usual counted free: the magazine has room, and the bytes stay below worth_counting. False, with
/// nothing done, otherwise. For the owner, inside by `busy` alone as on the hot path: all that moves is the
/// top.
inline bool push_counted(magazine_set& set, size_class c, void* block) noexcept {
  magazine& m = set.magazines[c];
  const std::uint32_t top = m.top.load_relaxed(), floor = m.floor.load_acquire();
  if (floor == magazine::closed_floor || m.cap.load_acquire() > floor || top >= m.end) return false;
  const std::uint32_t bytes = set.bytes_to_count + block_sizes[c];
  if (bytes >= worth_counting) return false;
  set.bytes_to_count = bytes;
  set.push_at(set.end_of(c), block);
  return true;
}

/// Any counted free whose magazine has room; tells the pool when enough has come together. False, with
/// nothing done, when the class drains or is reserved, or its magazine is full.
template <class Mutex>
bool keep_counted(pool_core& core, magazine_set& set, Mutex& mutex, size_class c, void* block) noexcept {
  if (core.pools().draining(c) || core.pools().reserved(c) != 0) return false;
  {
    const std::lock_guard guard(mutex);
    if (set.count(c) == set.capacity(c)) return false;
    choose(core.room(), set, c, way::counted);
    set.put(c, &block, 1);
  }
  set.bytes_to_count += block_sizes[c];
  if (set.bytes_to_count >= worth_counting) core.note_freed_bytes(std::exchange(set.bytes_to_count, 0));
  return true;
}

} // namespace quarry::detail
