#include "thread_magazines.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

#include "exchange.hpp"
#include "membarrier.hpp"
#include "thread_cache.hpp"

namespace quarry::detail {

constinit thread_local thread_table this_thread_table = {
    {&no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines,
     &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines,
     &no_magazines, &no_magazines}};
constinit thread_local magazine_set* this_thread_default_set = &no_magazines;

namespace {

constexpr std::size_t calls_before_caches = 32; // a pool of a few requests does without
constexpr std::size_t most_parked = 64;         // of all pools

std::size_t parked_of_all_pools = 0; // guarded by the registry mutex

// As many threads as that are at work at once; the room of others is lent to them.
std::size_t at_work_at_most() noexcept {
  static const std::size_t threads =
      std::max<std::size_t>(std::size_t{2} * std::thread::hardware_concurrency(), 2);
  return threads;
}

std::uint8_t calls_since(const thread_cache& cache, std::uint8_t then) noexcept {
  return static_cast<std::uint8_t>(cache.calls - then);
}

constinit thread_local thread_cache* first_of_this_thread = nullptr;
constinit thread_local bool thread_has_left = false;

} // namespace

// Leaves a thread's caches to the next thread, or flushes them, on its way out. Its frees from then on, of
// destructors that run later, go to the slabs.
struct thread_exit {
  bool armed = false;
  ~thread_exit() {
    thread_has_left = true; // nothing that runs from here on, an upstream's pool for one, finds a cache
    std::fill(std::begin(this_thread_table.sets), std::end(this_thread_table.sets), &no_magazines);
    this_thread_default_set = &no_magazines;
    while (thread_cache* const cache = first_of_this_thread) {
      first_of_this_thread = cache->next_of_thread;
      thread_magazines* pool;
      {
        const std::lock_guard guard(registry_mutex());
        pool = cache->pool;
        if (pool != nullptr && pool->park(*cache)) continue;
        if (pool != nullptr) ++pool->leaving_;
      }
      if (pool != nullptr) pool->retire(*cache);
      give_cache(cache);
    }
  }
};

namespace {

thread_local thread_exit at_thread_exit;

// Caches of pools that are no more.
void drop_dead_caches() noexcept {
  for (thread_cache** link = &first_of_this_thread; *link != nullptr;) {
    thread_cache* const cache = *link;
    if (cache->owner.load_acquire() != nullptr) {
      link = &cache->next_of_thread;
      continue;
    }
    *link = cache->next_of_thread;
    for (magazine_set*& set : this_thread_table.sets)
      if (set == cache) set = &no_magazines;
    give_cache(cache);
  }
}

} // namespace

// ---- pools come and go

std::size_t thread_magazines::next_table_index() noexcept {
  static constinit std::atomic<std::size_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed) % thread_table_size;
}

thread_magazines::~thread_magazines() { let_go_of_caches(); }

void thread_magazines::let_go_of_caches() noexcept {
  std::unique_lock guard(registry_mutex());
  while (leaving_ != 0) { // a thread is on its way out, with our blocks
    guard.unlock();
    std::this_thread::yield();
    guard.lock();
  }
  next_looked_at_ = nullptr;
  while (thread_cache* const parked = take_parked()) {
    unlink(*parked);
    give_cache(parked);
  }
  while (thread_cache* const cache = first_) {
    first_ = cache->next;
    cache->pool = nullptr;
    cache->owner.store_release(nullptr); // now the thread may reuse it
  }
}

// ---- threads come and go

thread_cache* thread_magazines::find_or_make(bool may_allocate) noexcept {
  if (magazine_set* const set = this_thread_table.sets[table_index_]; set->serves(resource_))
    return static_cast<thread_cache*>(set);
  if (thread_has_left || !membarrier_works()) return nullptr;
  for (thread_cache* cache = first_of_this_thread; cache != nullptr; cache = cache->next_of_thread)
    if (cache->serves(resource_)) {
      install(*cache);
      return cache;
    }
  if (is_early()) {
    note_cold_call();
    return nullptr;
  }
  return make(may_allocate);
}

// Where several threads count at once some calls are not counted, and caches come a little later.
void thread_magazines::note_cold_call() noexcept {
  cold_calls_.store(cold_calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

bool thread_magazines::is_early() const noexcept {
  return cold_calls_.load(std::memory_order_relaxed) < calls_before_caches;
}

thread_cache* thread_magazines::make(bool may_allocate) noexcept {
  drop_dead_caches();
  thread_cache* cache = parked_.load(std::memory_order_relaxed) == 0 ? nullptr : adopt_parked();
  if (cache == nullptr) {
    cache = take_cache(may_allocate);
    if (cache == nullptr) return nullptr;
    const std::lock_guard guard(registry_mutex());
    cache->pool = this;
    cache->room_of_all = &room_bytes_;
    link(*cache);
    cache->owner.store_release(resource_);
    core_.add_set();
  }
  at_thread_exit.armed = true; // its first use has it run when the thread exits
  core_.close_nursery();
  cache->next_of_thread = first_of_this_thread;
  first_of_this_thread = cache;
  look_at_room(*cache);
  install(*cache);
  return cache;
}

void thread_magazines::link(thread_cache& cache) noexcept {
  cache.next = first_;
  cache.previous = nullptr;
  if (first_ != nullptr) first_->previous = &cache;
  first_ = &cache;
}

void thread_magazines::unlink(thread_cache& cache) noexcept {
  (cache.previous != nullptr ? cache.previous->next : first_) = cache.next;
  if (cache.next != nullptr) cache.next->previous = cache.previous;
  if (next_looked_at_ == &cache) next_looked_at_ = cache.next;
}

// ---- threads leave their caches to others

// With the room and blocks that fitted its thread, for the next one: a few of each pool and of all. Expects
// the registry mutex to be held.
bool thread_magazines::park(thread_cache& cache) noexcept {
  const std::uint32_t parked = parked_.load(std::memory_order_relaxed);
  if (parked == at_work_at_most() || parked_of_all_pools == most_parked) return false;
  if (cache.capacity_bytes.load_relaxed() == 0) return false;
  cache.parked = true;
  ++parked_of_all_pools;
  parked_.store(parked + 1, std::memory_order_relaxed);
  return true;
}

// One that is parked no more, or null. Expects the registry mutex to be held.
thread_cache* thread_magazines::take_parked() noexcept {
  const std::uint32_t parked = parked_.load(std::memory_order_relaxed);
  if (parked == 0) return nullptr;
  thread_cache* cache = first_;
  while (!cache->parked) cache = cache->next;
  cache->parked = false;
  --parked_of_all_pools;
  parked_.store(parked - 1, std::memory_order_relaxed);
  return cache;
}

thread_cache* thread_magazines::adopt_parked() noexcept {
  const std::lock_guard guard(registry_mutex());
  thread_cache* const cache = take_parked();
  if (cache != nullptr) open(*cache);
  return cache;
}

void thread_magazines::install(thread_cache& cache) noexcept {
  this_thread_table.sets[table_index_] = &cache;
  if (is_default_) this_thread_default_set = &cache;
}

// The owner's side, which shuts visitors out.
void thread_magazines::give_up_room(thread_cache& cache) noexcept {
  pool_core::flushed f;
  {
    owner_section inside(cache);
    const std::lock_guard guard(inside);
    core_.hand_on_set(f, cache);
    cache.give_up_room();
  }
  core_.finish(f);
}

// The exiting thread's side; the destructor waits for `leaving_`.
void thread_magazines::retire(thread_cache& cache) noexcept {
  give_up_room(cache);
  core_.remove_set();
  const std::lock_guard guard(registry_mutex());
  unlink(cache);
  --leaving_;
}

// ---- the cold path of a thread

// What the caches may hold together. As much is for the depots.
std::size_t thread_magazines::room_of_all() const noexcept {
  constexpr std::size_t least = std::size_t{1} << 19;
  return core_.room_for_magazines(least - least / 16, core_.bytes_used() / 20);
}

void thread_magazines::look_at_room(thread_cache& cache) const noexcept {
  const std::size_t parked = parked_.load(std::memory_order_relaxed);
  const std::size_t threads = std::max(core_.sets(), parked + 1) - parked;
  cache.all_seen = room_of_all();
  cache.share_seen = cache.all_seen / std::min(threads, at_work_at_most());
}

// What is used and how many share it is looked up only now and then.
bool thread_magazines::has_room(thread_cache& cache, std::size_t more) const noexcept {
  constexpr std::uint8_t every = 8;
  if (++cache.asked % every == 0) look_at_room(cache);
  if (cache.capacity_bytes.load_relaxed() + more > cache.share_seen) return false;
  const bool is_there = room_bytes_.load_relaxed() + more <= cache.all_seen;
  if (!is_there) cache.lacks_room = true;
  return is_there;
}

// Who lacks room again and again takes what an idle one has.
void thread_magazines::look_for_room(thread_cache& cache) noexcept {
  constexpr std::uint8_t soon = 4, patience = 16;
  if (cache.capacity_bytes.load_relaxed() >= cache.share_seen / 2) return;
  if (calls_since(cache, cache.calls_at_search) < cache.calls_to_wait) return;
  cache.calls_at_search = cache.calls;
  cache.calls_to_wait = take_room_of_idle(&cache) ? soon : patience;
}

// After a cold call of the owner's: all of them may have more room than there is, since less is used than
// once was, or others what this one could use. Where a magazine was refused more room the next calls are
// quick.
void thread_magazines::see_to_room(thread_cache& cache, std::uint32_t refusals_before) noexcept {
  constexpr std::uint8_t every = 8;
  ++cache.calls;
  cache.quick_calls = cache.refusals == refusals_before ? 0 : every - 1;
  if (!cache.at_work.load(std::memory_order_relaxed)) cache.at_work.store(true, std::memory_order_relaxed);
  if (std::exchange(cache.lacks_room, false)) look_for_room(cache);
  if (calls_since(cache, cache.calls_at_look) < every) return;
  cache.calls_at_look = cache.calls;
  core_.see_to_depots();
  look_at_room(cache);
  if (room_bytes_.load_relaxed() <= cache.all_seen) return;
  if (cache.capacity_bytes.load_relaxed() > cache.share_seen) return give_up_room(cache);
  take_room_of_idle(nullptr);
}

// Only early calls, or else no thread would come to make a cache. The first cache closes the nursery.
void* thread_magazines::allocate_in_nursery(std::size_t last) noexcept {
  void* const block = is_early() ? core_.allocate_in_nursery_shared(last) : nullptr;
  if (block != nullptr && membarrier_works()) note_cold_call();
  return block;
}

bool thread_magazines::deallocate_in_nursery(size_class c, const void* block) noexcept {
  if (!core_.deallocate_in_nursery_shared(c, block)) return false;
  if (is_early() && membarrier_works()) note_cold_call();
  return true;
}

// The exchange that is made most often, in few steps: a magazine and the depot, where there is no room for a
// larger magazine, as was found a few calls ago, and nothing else to see to.
void* thread_magazines::take_quickly(thread_cache& cache, size_class c) noexcept {
  if (cache.quick_calls == 0 || !core_.is_plain(c)) return nullptr;
  owner_section inside(cache);
  const std::lock_guard guard(inside);
  if (!cache.is_open(c) || cache.count(c) != 0 || cache.capacity(c) == 0) return nullptr;
  const std::size_t taken = core_.take_from_depot(c, cache.end_of_blocks(c), batch_of(cache, c));
  if (taken == 0) return nullptr;
  note(cache, c, found::empty);
  --cache.quick_calls;
  ++cache.calls;
  cache.added(c, taken);
  return cache.take_newest(c);
}

bool thread_magazines::give_quickly(thread_cache& cache, size_class c, void* block) noexcept {
  if (cache.quick_calls == 0 || !core_.is_plain(c)) return false;
  owner_section inside(cache);
  const std::lock_guard guard(inside);
  if (!cache.is_open(c) || cache.count(c) != cache.capacity(c)) return false;
  const std::size_t batch = std::min(batch_of(cache, c), cache.count(c));
  const std::size_t given =
      core_.has_room_in_depot(c, batch) ? core_.put_into_depot(c, cache.oldest(c), batch) : 0;
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
  if (cache != nullptr) {
    if (void* const block = take_quickly(*cache, c)) return block;
    const std::uint32_t refusals = cache->refusals;
    if (parked_.load(std::memory_order_relaxed) != 0) fetch_parked(c);
    owner_section inside(*cache);
    if (core_.reserved(c) != 0 && !core_.has_free(c))
      if (void* const block = take_reserved(c)) return block;
    void* const block =
        take(core_, *cache, inside, c, [&](std::size_t more) { return has_room(*cache, more); });
    if (core_.reserved(c) == 0) see_to_room(*cache, refusals);
    return block;
  }
  if (is_early()) return core_.allocate_early(c);
  void* block;
  core_.refill(c, &block, 1);
  return block;
}

void thread_magazines::deallocate(size_class c, void* block) noexcept {
  thread_cache* const cache = c < magazine_count ? find_or_make(false) : nullptr;
  if (cache == nullptr) return core_.flush(c, &block, 1);
  if (give_quickly(*cache, c, block)) return;
  const std::uint32_t refusals = cache->refusals;
  owner_section inside(*cache);
  if (core_.settling() && keep_counted(core_, *cache, inside, c, block, cache->bytes_to_count)) {
    if (core_.magazines_are_stale()) flush_all();
    return;
  }
  give(core_, *cache, inside, c, block, [&](std::size_t more) { return has_room(*cache, more); });
  if (core_.reserved(c) != 0) return; // such calls do one refill or flush, and nothing besides
  if (core_.magazines_are_stale()) flush_all();
  see_to_room(*cache, refusals);
}

} // namespace quarry::detail
