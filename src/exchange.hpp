// When a magazine is empty or full: blocks go between it and the slabs, in batches. Rung 5, cold, for both resources.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>

#include <quarry/magazine.hpp>
#include <quarry/pool_core.hpp>

namespace quarry::detail {

constexpr std::size_t first_capacity = 8;
constexpr std::size_t most_capacity = 1024;
constexpr std::size_t most_capacity_bytes = 65536;

/// Half of what the magazine can hold, so that as many frees as allocations may follow.
inline std::size_t batch_of(const magazine_set& set, size_class c) noexcept {
  return std::clamp<std::size_t>((set.capacity(c) + 1) / 2, 1, pool_core::most_at_once);
}

/// Doubles the room of class `c` when `may_grow(bytes)` allows it. An empty or full magazine is one that is too small.
template <class MayGrow>
bool grow(magazine_set& set, size_class c, MayGrow may_grow) noexcept {
  const std::size_t block = block_sizes[c];
  const std::size_t now = set.capacity(c);
  const std::size_t most = std::clamp<std::size_t>(most_capacity_bytes / block, 1, most_capacity);
  set.used_lately[c] = 1;
  if (now >= most) return false;
  const std::size_t wanted = std::min(most, now == 0 ? first_capacity : now * 2);
  return may_grow((wanted - now) * block) && set.resize(c, wanted);
}

// Three ways to free. As a rule blocks are pushed, and the cold path sees a batch at a time. While memory is kept that
// is to be forgotten, each free passes through the cold path, to be counted, and then is pushed. While the class is
// draining, each goes to its slab, so that slabs come to be empty; what the magazine had then is stale and follows.
enum class freeing { pushed, counted, to_slab };

inline freeing way_of(const pool_core& core, size_class c) noexcept {
  if (core.draining(c)) return freeing::to_slab;
  return core.settling() ? freeing::counted : freeing::pushed;
}

/// How many of the oldest blocks of class `c` are to be flushed along with a block that goes to its slab.
inline std::size_t stale_blocks(magazine_set& set, size_class c) noexcept {
  constexpr std::size_t most = pool_core::most_at_once - 1;
  std::uint8_t& batches = set.stale_batches[c];
  if (batches == magazine_set::not_draining) batches = static_cast<std::uint8_t>((set.count(c) + most - 1) / most);
  if (batches == 0) return 0;
  --batches;
  return std::min(set.count(c), most);
}

inline void choose_way(magazine_set& set, size_class c, freeing way) noexcept {
  set.accept(c, way == freeing::pushed);
  if (way != freeing::to_slab) set.stale_batches[c] = magazine_set::not_draining;
}

/// Keeps what fits of blocks[0, count) and returns how many that is.
inline std::size_t keep(pool_core& core, magazine_set& set, size_class c, void* const* blocks, std::size_t count) noexcept {
  const std::size_t kept = std::min(count, set.capacity(c) - set.count(c));
  const freeing way = way_of(core, c);
  if (way == freeing::to_slab && set.count(c) == 0) set.stale_batches[c] = 0;
  set.put(c, blocks, kept);
  choose_way(set, c, way);
  return kept;
}

/// A block of class `c` for the owner of `set`, whose magazine gave none. Throws what upstream throws.
template <class Mutex, class MayGrow>
void* take(pool_core& core, magazine_set& set, Mutex& mutex, size_class c, MayGrow may_grow) {
  void* blocks[pool_core::most_at_once];
  std::size_t wanted;
  {
    const std::lock_guard guard(mutex);
    if (set.count(c) != 0) { // a visitor had closed it
      set.take_newest(c, blocks, 1);
      return blocks[0];
    }
    grow(set, c, may_grow);
    wanted = batch_of(set, c);
    if (const std::size_t taken = core.refill_from_slabs(c, blocks, wanted); taken != 0) {
      keep(core, set, c, blocks + 1, taken - 1);
      return blocks[0];
    }
  }
  const std::size_t taken = core.refill(c, blocks, wanted);
  std::size_t kept;
  {
    const std::lock_guard guard(mutex);
    kept = keep(core, set, c, blocks + 1, taken - 1);
  }
  if (kept != taken - 1) core.flush(c, blocks + 1 + kept, taken - 1 - kept);
  return blocks[0];
}

/// Takes back a block of class `c` from the owner of `set`, whose magazine took it not.
template <class Mutex, class MayGrow>
void give(pool_core& core, magazine_set& set, Mutex& mutex, size_class c, void* block, MayGrow may_grow) noexcept {
  void* blocks[pool_core::most_at_once];
  std::size_t count = 0;
  const freeing way = way_of(core, c);
  {
    const std::lock_guard guard(mutex);
    choose_way(set, c, way);
    const bool fits = way != freeing::to_slab && (set.count(c) < set.capacity(c) || grow(set, c, may_grow));
    if (!fits) {
      const bool all_is_stale = way == freeing::to_slab || set.capacity(c) == 0;
      count = all_is_stale ? stale_blocks(set, c) : batch_of(set, c);
      set.take_oldest(c, blocks, count);
      if (all_is_stale) blocks[count++] = block;
    }
    if (count == 0 || blocks[count - 1] != block) set.put(c, &block, 1);
  }
  if (count != 0) return core.flush(c, blocks, count);
  if (way == freeing::counted) core.note_freed(c);
}

struct no_mutex {
  void lock() noexcept {}
  void unlock() noexcept {}
};

} // namespace quarry::detail
