#include "thread_magazines.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>

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

constinit thread_local thread_cache* first_of_this_thread = nullptr;
constinit thread_local bool thread_has_left = false;

} // namespace

// Flushes a thread's caches on its way out. Its frees from then on, of destructors that run later, go to the
// slabs.
struct thread_exit {
  bool armed = false;
  ~thread_exit() {
    thread_has_left = true;
    while (thread_cache* const cache = first_of_this_thread) {
      first_of_this_thread = cache->next_of_thread;
      thread_magazines* pool;
      {
        const std::lock_guard guard(registry_mutex());
        pool = cache->pool;
        if (pool != nullptr) ++pool->leaving_;
      }
      if (pool != nullptr) pool->retire(*cache);
      give_cache(cache);
    }
    std::fill(std::begin(this_thread_table.sets), std::end(this_thread_table.sets), &no_magazines);
    this_thread_default_set = &no_magazines;
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
  for (thread_cache* cache = first_of_this_thread; cache != nullptr; cache = cache->next_of_thread)
    if (cache->serves(resource_)) {
      install(*cache);
      return cache;
    }
  if (thread_has_left || !membarrier_works()) return nullptr;
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
  thread_cache* const cache = take_cache(may_allocate);
  if (cache == nullptr) return nullptr;
  at_thread_exit.armed = true; // its first use has it run when the thread exits
  {
    const std::lock_guard guard(registry_mutex());
    cache->pool = this;
    cache->room_of_all = &room_bytes_;
    cache->next = first_;
    cache->previous = nullptr;
    if (first_ != nullptr) first_->previous = cache;
    first_ = cache;
    cache->owner.store_release(resource_);
  }
  caches_.fetch_add(1, std::memory_order_relaxed);
  core_.close_nursery();
  cache->next_of_thread = first_of_this_thread;
  first_of_this_thread = cache;
  install(*cache);
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
  caches_.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard guard(registry_mutex());
  (cache.previous != nullptr ? cache.previous->next : first_) = cache.next;
  if (cache.next != nullptr) cache.next->previous = cache.previous;
  if (next_looked_at_ == &cache) next_looked_at_ = cache.next;
  --leaving_;
}

// ---- the cold path of a thread

// What the caches may hold together. As much is for the depots.
std::size_t thread_magazines::room_of_all() const noexcept {
  constexpr std::size_t least = std::size_t{1} << 19;
  return core_.room_for_magazines(least - least / 16, core_.bytes_used() / 20);
}

// As many threads as that are at work at once; the room of others is lent to them.
std::size_t thread_magazines::share() const noexcept {
  static const std::size_t at_work_at_most =
      std::max<std::size_t>(std::size_t{2} * std::thread::hardware_concurrency(), 2);
  const std::size_t caches = caches_.load(std::memory_order_relaxed);
  return room_of_all() / std::clamp<std::size_t>(caches, 1, at_work_at_most);
}

// What is used and how many share it is looked up again only now and then while there is no room.
bool thread_magazines::has_room(thread_cache& cache, std::size_t more) const noexcept {
  constexpr std::uint8_t patience = 64;
  const std::size_t wanted = cache.capacity_bytes.load_relaxed() + more;
  if (wanted > cache.share_seen && ++cache.refused % patience != 0) return false;
  cache.share_seen = share();
  return wanted <= cache.share_seen && room_bytes_.load_relaxed() + more <= room_of_all();
}

// After a cold call of the owner's: all of them may have more room than there is, since less is used than
// once was, or others what this one could use.
void thread_magazines::see_to_room(thread_cache& cache) noexcept {
  constexpr std::uint8_t every = 8, patience = 64;
  if (!cache.at_work.load(std::memory_order_relaxed)) cache.at_work.store(true, std::memory_order_relaxed);
  if (++cache.calls % every != 0) return;
  core_.see_to_depots();
  const std::size_t taken = room_bytes_.load_relaxed(), all = room_of_all();
  const std::size_t own = cache.capacity_bytes.load_relaxed();
  if (taken > all && own > share()) return give_up_room(cache);
  const bool wants_more = cache.calls % patience == 0 && taken > all - all / 8 && own < share() / 2;
  if (taken > all || wants_more) take_room_of_idle();
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

void* thread_magazines::allocate(size_class c) {
  thread_cache* const cache = c < magazine_count ? find_or_make(true) : nullptr;
  if (cache != nullptr) {
    owner_section inside(*cache);
    if (core_.reserved(c) != 0 && !core_.has_free(c))
      if (void* const block = take_reserved(c)) return block;
    void* const block =
        take(core_, *cache, inside, c, [&](std::size_t more) { return has_room(*cache, more); });
    if (core_.reserved(c) == 0) see_to_room(*cache);
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
  owner_section inside(*cache);
  give(core_, *cache, inside, c, block, [&](std::size_t more) { return has_room(*cache, more); });
  if (core_.reserved(c) != 0) return; // such calls do one refill or flush, and nothing besides
  if (core_.magazines_are_stale()) flush_all();
  see_to_room(*cache);
}

} // namespace quarry::detail
