// When a magazine is empty or full: blocks go between it and the slabs, in batches. Rung 5, cold, for both resources.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>

#include <quarry/magazine.hpp>
#include <quarry/pool_core.hpp>

namespace quarry::detail {

constexpr std::size_t first_capacity = 8;
constexpr std::size_t most_capacity = 256;
constexpr std::size_t most_capacity_bytes = 32768;

/// Half of what the magazine can hold, so that as many frees as allocations may follow.
inline std::size_t batch_of(const magazine_set& set, size_class c) noexcept {
  return std::clamp<std::size_t>((set.capacity(c) + 1) / 2, 1, pool_core::most_at_once);
}

/// Blocks that a request with an alignment above the granule would also be led to stay out of magazines, so that the
/// cold path can tell such requests, which are oversized.
constexpr bool may_be_oversized(size_class c) noexcept { return block_sizes[c] % (2 * granule) == 0; }

inline std::size_t most_capacity_of(size_class c) noexcept {
  if (may_be_oversized(c)) return 0;
  return std::clamp<std::size_t>(most_capacity_bytes / block_sizes[c], 1, most_capacity);
}

/// Doubles the room of class `c` when `may_grow(bytes)` allows it. An empty or full magazine is one that is too small.
template <class MayGrow>
bool grow(magazine_set& set, size_class c, MayGrow may_grow) noexcept {
  const std::size_t block = block_sizes[c];
  const std::size_t now = set.capacity(c);
  const std::size_t most = most_capacity_of(c);
  set.used_lately[c] = 1;
  if (now >= most) return false;
  const std::size_t wanted = std::min(most, now == 0 ? first_capacity : now * 2);
  return may_grow((wanted - now) * block) && set.resize(c, wanted);
}

/// Keeps what fits of blocks[0, count) and returns how many that is.
inline std::size_t keep(pool_core& core, magazine_set& set, size_class c, void* const* blocks, std::size_t count) noexcept {
  const std::size_t kept = std::min(count, set.capacity(c) - set.count(c));
  set.put(c, blocks, kept);
  set.accept(c, !core.draining(c));
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
  {
    const std::lock_guard guard(mutex);
    const bool draining = core.draining(c);
    const bool was_draining = !set.accepts(c);
    set.accept(c, !draining);
    if (draining) {
      if (!was_draining) count = std::min(set.count(c), pool_core::most_at_once - 1);
      set.take_oldest(c, blocks, count);
      if (set.count(c) != 0) set.accept(c, true); // more of them next time
      blocks[count++] = block;
    } else if (set.count(c) < set.capacity(c) || grow(set, c, may_grow)) {
      set.put(c, &block, 1);
    } else if (set.capacity(c) == 0) {
      blocks[count++] = block;
    } else {
      count = batch_of(set, c);
      set.take_oldest(c, blocks, count);
      set.put(c, &block, 1);
    }
  }
  if (count != 0) core.flush(c, blocks, count);
}

struct no_mutex {
  void lock() noexcept {}
  void unlock() noexcept {}
};

} // namespace quarry::detail
