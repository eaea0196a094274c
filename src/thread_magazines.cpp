#include "thread_magazines.hpp"

#include <algorithm>
#include <mutex>

#include "exchange.hpp"
#include "membarrier.hpp"
#include "thread_cache.hpp"

namespace quarry::detail {

// Where several threads count at once some calls are not counted, and caches come a little later.
void thread_magazines::note_cold_call(std::size_t weight) noexcept {
  cold_calls_.store(cold_calls_.load(std::memory_order_relaxed) + weight, std::memory_order_relaxed);
}

bool thread_magazines::is_early() const noexcept {
  return cold_calls_.load(std::memory_order_relaxed) < calls_before_magazines;
}

// Only early calls, or else no thread would come to make a cache.
void* thread_magazines::allocate_in_nursery(std::size_t last) noexcept {
  void* const block = is_early() ? core_.allocate_in_nursery_shared(last) : nullptr;
  if (block != nullptr && membarrier_works()) note_cold_call(1);
  return block;
}

bool thread_magazines::deallocate_in_nursery(std::size_t last, const void* block) noexcept {
  if (!core_.deallocate_in_nursery_shared(last, block)) return false;
  if (is_early() && membarrier_works()) note_cold_call(1);
  return true;
}

// The exchange that is made most often, in few steps: a magazine and the depot, where there is no room for a
// larger magazine, as was found a few calls ago, and nothing else to see to.
void* thread_magazines::take_quickly(thread_cache& cache, size_class c) noexcept {
  if (cache.quick_calls == 0 || !core_.pools().is_plain(c)) return nullptr;
  owner_section inside(cache);
  const std::lock_guard guard(inside);
  if (!cache.is_open(c) || cache.count(c) != 0 || cache.capacity(c) == 0) return nullptr;
  const std::size_t taken = core_.depots().take(c, cache.end_of_blocks(c), batch_of(cache, c));
  if (taken == 0) return nullptr;
  note(cache, c, found::empty);
  --cache.quick_calls;
  ++cache.calls;
  cache.added(c, taken);
  return cache.take_newest(c);
}

bool thread_magazines::give_quickly(thread_cache& cache, size_class c, void* block) noexcept {
  if (cache.quick_calls == 0 || !core_.pools().is_plain(c)) return false;
  owner_section inside(cache);
  const std::lock_guard guard(inside);
  if (!cache.is_open(c) || cache.count(c) != cache.capacity(c)) return false;
  const std::size_t batch = std::min(batch_of(cache, c), cache.count(c));
  const std::size_t given =
      core_.depots().has_room(c, batch) ? core_.depots().put(c, cache.oldest(c), batch) : 0;
  if (given == 0) return false;
  note(cache, c, found::full);
  --cache.quick_calls;
  ++cache.calls;
  cache.remove_oldest(c, given);
  cache.put(c, &block, 1);
  return true;
}

void* thread_magazines::allocate(size_class c) {
  thread_cache* const cache = c < magazine_count ? find_or_make(true) : nullptr;
  if (core_.pools().reserved(c) != 0) return allocate_reserved(c, cache);
  if (cache != nullptr) {
    magazine_set* const set = cache;
    if (void* const block = take_quickly(*cache, c)) return block;
    const std::uint32_t refusals = cache->refusals;
    if (parked_.load(std::memory_order_relaxed) != 0) fetch_parked(c);
    owner_section inside(*cache);
    void* const block = take(
        core_, set, inside, c, [&](std::size_t more) { return has_room(*cache, more); },
        [&] { flush_all(); });
    see_to_room(*cache, refusals);
    return block;
  }
  void* block;
  core_.refill(c, &block, 1);
  return block;
}

// The last block that is free may lie in any thread's magazine, but nowhere else: while it is looked for no
// other cold call of a reserved class moves any, and hot ones find magazines closed. Then upstream is asked
// for a single block, so that none are on their way.
void* thread_magazines::allocate_reserved(size_class c, thread_cache* cache) {
  void* block = nullptr;
  pool_core::flushed f; // finished without the lock: a handler that is told of a bad block may come back here
  {
    const std::lock_guard guard(reserved_moves_);
    if (cache != nullptr) {
      owner_section inside(*cache);
      std::size_t wanted;
      const auto may_grow = [&](std::size_t more) { return has_room(*cache, more); };
      block = take_at_hand(core_, f, *cache, inside, c, may_grow, wanted);
    }
    if (block == nullptr) {
      reclaim(f, c);
      core_.refill_from_slabs(c, &block, 1);
    }
  }
  core_.finish(f);
  if (block == nullptr) core_.refill(c, &block, 1);
  return block;
}

bool thread_magazines::push_counted(size_class c, void* block) noexcept {
  thread_cache* const cache = cache_at_hand();
  if (cache == nullptr) return false;
  cache->enter();
  const bool done = detail::push_counted(*cache, c, block);
  cache->leave();
  return done;
}

void thread_magazines::deallocate(size_class c, void* block) noexcept {
  thread_cache* const cache = c < magazine_count ? find_or_make(false) : nullptr;
  if (cache == nullptr) {
    core_.deallocate(c, block);
    if (core_.pools().reserved(c) == 0) see_to_room_of_all();
    return;
  }
  if (give_quickly(*cache, c, block)) return;
  magazine_set* const set = cache;
  const std::uint32_t refusals = cache->refusals;
  owner_section inside(*cache);
  if (core_.settling() && keep_counted(core_, *cache, inside, c, block)) {
    if (core_.magazines_are_stale()) flush_all();
    return;
  }
  const auto may_grow = [&](std::size_t more) { return has_room(*cache, more); };
  if (core_.pools().reserved(c) != 0) // such calls do one refill or flush, and nothing besides
    return give(core_, set, inside, reserved_moves_, c, block, may_grow);
  no_mutex moves;
  give(core_, set, inside, moves, c, block, may_grow);
  if (core_.magazines_are_stale()) flush_all();
  see_to_room(*cache, refusals);
}

} // namespace quarry::detail
