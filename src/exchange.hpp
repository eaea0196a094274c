// When a magazine is empty or full: blocks go between it and the slabs, in batches. Rung 5, cold, for both
// resources.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "cached_room.hpp"
#include "magazine_way.hpp"
#include "pool_core.hpp"
#include <quarry/magazine.hpp>

namespace quarry::detail {

inline constexpr std::size_t first_capacity = 8;
inline constexpr std::size_t ample = 8; // room, in times of what is asked for
inline constexpr std::size_t most_capacity = 1024;

enum class found : std::int8_t { empty = 1, full = -1 };
inline constexpr int one_way = 4;

/// A magazine that is found the same several times in a row has blocks that go one way only.
inline void note(magazine_set& set, size_class c, found as) noexcept {
  std::int8_t& times = set.drift[c];
  const int way = static_cast<int>(as);
  times = static_cast<std::int8_t>(times * way > 0 ? std::clamp(times + way, -one_way, one_way) : way);
}

/// Half of what the magazine can hold, so that as many frees as allocations may follow; all of it when blocks
/// go one way.
inline std::size_t batch_of(const magazine_set& set, size_class c) noexcept {
  const bool all = set.drift[c] == one_way || set.drift[c] == -one_way;
  return std::clamp<std::size_t>(all ? set.capacity(c) : (set.capacity(c) + 1) / 2, 1, pool::most_at_once);
}

/// Makes room for class `c`: an empty or full magazine is one that is too small. Four times as much while
/// there is ample room, so that bursts are met soon; a half more where it is scarce, so that all classes get
/// some. When there is none, or `may_grow(bytes)` says no, classes that were not used lately give up some of
/// theirs now and then; and at once to one that came late, where other threads have blocks for it.
template <class MayGrow>
bool grow(magazine_set& set, size_class c, const cached_room& room, MayGrow may_grow) noexcept {
  const std::size_t block = block_sizes[c];
  const std::size_t now = set.capacity(c);
  const std::size_t most = std::clamp<std::size_t>(room.of_one_magazine() / block, 1, most_capacity);
  if (now >= most) return false;
  const auto fits = [&](std::size_t blocks) { return set.has_slots(blocks) && may_grow(blocks * block); };
  std::size_t more = std::min(most, now == 0 ? first_capacity : now * 4) - now;
  if (!fits(more * ample)) {
    more = std::min(most - now, std::max<std::size_t>(now / 2, 2));
    const auto reclaims = [&] {
      return set.reclaim_room() || (room.hands_on() && set.reclaim_from_largest(c));
    };
    if (!fits(more) && !(reclaims() && fits(more))) return false;
  }
  set.resize(c, now + more);
  return true;
}

/// Keeps what fits of blocks[0, count) and returns how many that is.
inline std::size_t keep(magazine_set& set, size_class c, void* const* blocks, std::size_t count) noexcept {
  const std::size_t kept = std::min(count, set.capacity(c) - set.count(c));
  set.put(c, blocks, kept);
  return kept;
}

/// The lowest blocks of a class that drains: one, and a few to be served next. False when there is none.
inline bool fetch_lowest(pool_core& core, magazine_set& set, size_class c, void** out) noexcept {
  const std::size_t pushed = std::min(most_while_draining(core.room(), c), set.capacity(c));
  const std::size_t few = std::min(pushed / 4, set.capacity(c) - set.count(c));
  const std::size_t taken = core.take_while_draining(c, out, few + 1);
  if (taken > 1) {
    set.put_ahead(c, out + 1, taken - 1);
    choose(core.room(), set, c, way::draining);
  }
  return taken != 0;
}

/// A block of the magazine, or else some from depot or slabs. Null when there is none.
template <class MayGrow>
void* take_or_fetch(pool_core& core, magazine_set& set, size_class c, way now, MayGrow may_grow,
                    std::size_t& wanted) {
  void* blocks[pool::most_at_once];
  choose(core.room(), set, c, now);
  if (now == way::draining && fetch_lowest(core, set, c, blocks)) return blocks[0];
  if (set.count(c) != 0) // draining with no free block elsewhere, or a visitor had closed the magazine
    return set.take_newest(c);
  note(set, c, found::empty);
  if (grow(set, c, core.room(), may_grow) && now == way::counted)
    choose(core.room(), set, c, now); // a new magazine is open
  wanted = batch_of(set, c);
  std::size_t taken = core.depots().take(c, blocks, wanted);
  if (taken == 0) taken = core.refill_from_slabs(c, blocks, wanted);
  if (taken == 0) return nullptr;
  keep(set, c, blocks + 1, taken - 1);
  return blocks[0];
}

/// What of take() asks for no memory. Null when upstream has to be asked, for `wanted` blocks.
template <class Mutex, class MayGrow>
void* take_at_hand(pool_core& core, pool_core::flushed& f, magazine_set& set, Mutex& mutex, size_class c,
                   MayGrow may_grow, std::size_t& wanted) {
  {
    const std::lock_guard guard(mutex);
    if (void* const block = set.take_ahead(c)) return block;
  }
  const way now = way_of(core, c);
  if (now == way::draining && core.depots().count(c) != 0) core.flush_depot(f, c);
  const std::lock_guard guard(mutex);
  return take_or_fetch(core, set, c, now, may_grow, wanted);
}

/// A block of class `c` for the owner of a set, whose magazine gave none. `flush_all` is called where that
/// may give room. A call from within upstream may replace the set, and fill the magazine. Throws what
/// upstream throws.
template <class Mutex, class MayGrow, class FlushAll>
void* take(pool_core& core, magazine_set* const& set, Mutex& mutex, size_class c, MayGrow may_grow,
           FlushAll flush_all) {
  std::size_t wanted = 1;
  pool_core::flushed f;
  void* const block = take_at_hand(core, f, *set, mutex, c, may_grow, wanted);
  if (f.some) core.finish(f);
  if (block != nullptr) return block;
  if (core.magazines_may_pin_room()) flush_all();
  core.depots().make(c);
  void* blocks[pool::most_at_once];
  const std::size_t taken = core.refill(c, blocks, wanted);
  std::size_t kept;
  {
    const std::lock_guard guard(mutex);
    kept = keep(*set, c, blocks + 1, taken - 1);
  }
  if (kept != taken - 1) core.flush(c, blocks + 1 + kept, taken - 1 - kept);
  return blocks[0];
}

/// Makes room for a block: the magazine grows, or its oldest blocks leave. Returns how many, put into `out`.
template <class MayGrow>
std::size_t make_room(const cached_room& room, magazine_set& set, size_class c, way now, MayGrow may_grow,
                      void** out) noexcept {
  note(set, c, found::full);
  if (now != way::draining && grow(set, c, room, may_grow)) return 0;
  const std::size_t batch = now == way::draining ? pool::most_at_once : batch_of(set, c);
  const std::size_t count = std::min({batch, pool::most_at_once - 1, set.count(c) - set.ahead[c]});
  set.take_oldest(c, out, count);
  return count;
}

/// What of give() calls nobody.
template <class Mutex, class MayGrow>
void give_at_hand(pool_core& core, pool_core::flushed& f, magazine_set* const& set, Mutex& mutex,
                  size_class c, void* block, way now, MayGrow may_grow) noexcept {
  void* blocks[pool::most_at_once];
  std::size_t count = 0;
  {
    const std::lock_guard guard(mutex);
    choose(core.room(), *set, c, now);
    const auto is_full = [&] {
      return set->count(c) >= set->capacity(c) || (now == way::draining && !set->may_push(c));
    };
    if (is_full()) count = make_room(core.room(), *set, c, now, may_grow, blocks);
    if (now == way::counted) choose(core.room(), *set, c, now); // a new magazine is open
    if (!is_full())
      set->put(c, &block, 1);
    else
      blocks[count++] = block;
  }
  const std::size_t handed_on = now != way::draining ? core.put_into_depot(f, c, blocks, count) : 0;
  if (count != handed_on) core.flush_into(f, c, blocks + handed_on, count - handed_on);
}

/// Takes back a block of class `c` from the owner of a set, whose magazine took it not. A call from within
/// upstream may replace the set. `moves` is held while blocks lie neither here nor there.
template <class Mutex, class Moves, class MayGrow>
void give(pool_core& core, magazine_set* const& set, Mutex& mutex, Moves& moves, size_class c, void* block,
          MayGrow may_grow) noexcept {
  const way now = way_of(core, c);
  if (now == way::draining) core.flush_depot(c);
  pool_core::flushed f;
  {
    const std::lock_guard guard(moves);
    give_at_hand(core, f, set, mutex, c, block, now, may_grow);
  }
  if (!f.some) {
    if (now == way::counted) core.note_freed(c);
    return;
  }
  core.finish(f);
  if (const way then = way_of(core, c); then != now) { // there may be no other cold call
    const std::lock_guard guard(mutex);
    choose(core.room(), *set, c, then);
  }
}

struct no_mutex {
  void lock() noexcept {}
  void unlock() noexcept {}
};

} // namespace quarry::detail
