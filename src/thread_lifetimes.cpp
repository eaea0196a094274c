// Which thread has which cache: pools and threads come and go, and threads leave their caches to others.
#include <algorithm>
#include <mutex>
#include <thread>

#include "membarrier.hpp"
#include "thread_cache.hpp"
#include "thread_magazines.hpp"

namespace quarry::detail {

constinit thread_local thread_table this_thread_table = {
    {&no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines,
     &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines, &no_magazines,
     &no_magazines, &no_magazines}};
constinit thread_local magazine_set* this_thread_default_set = &no_magazines;

namespace {

constexpr std::size_t most_parked = 64; // of all pools

std::size_t parked_of_all_pools = 0; // guarded by the registry mutex

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
      if (!leave(*cache)) give_cache(cache);
    }
  }

private:
  // True when the cache was parked. Who has the pool alone is waited for, without touching the pool, which
  // may end.
  static bool leave(thread_cache& cache) noexcept {
    thread_magazines* pool;
    for (;; std::this_thread::yield()) {
      const std::lock_guard guard(registry_mutex());
      pool = cache.pool;
      if (pool == nullptr) return false;
      if (pool->closed_.load(std::memory_order_relaxed)) continue;
      if (pool->park(cache)) return true;
      ++pool->leaving_;
      break;
    }
    pool->retire(cache);
    return false;
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
  if (thread_cache* const cache = cache_at_hand()) return cache;
  if (thread_has_left || !membarrier_works()) return nullptr;
  for (thread_cache* cache = first_of_this_thread; cache != nullptr; cache = cache->next_of_thread)
    if (cache->serves(resource_)) {
      install(*cache);
      return cache;
    }
  if (is_early()) {
    note_cold_call(slab_call);
    return nullptr;
  }
  return make(may_allocate);
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
    core_.room().add_set();
  }
  at_thread_exit.armed = true; // its first use has it run when the thread exits
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

// The exiting thread's side; the destructor waits for `leaving_`.
void thread_magazines::retire(thread_cache& cache) noexcept {
  give_up_room(cache);
  core_.room().remove_set();
  const std::lock_guard guard(registry_mutex());
  unlink(cache);
  --leaving_;
}

} // namespace quarry::detail
