// One thread's magazine set of one pool: a page, linked into the pool's list and the thread's. Rung 5.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "thread_magazines.hpp"
#include <quarry/magazine.hpp>
#include <quarry/thread_table.hpp>

namespace quarry::detail {

struct thread_cache_links {
  atomic_word<std::uint32_t> calls_inside; // calls of the owner that are under way, see thread_call
  std::atomic<bool> visited = false;       // a visitor is inside, or about to be
  bool owner_is_out = false;               // a visitor's note; guarded by the registry mutex
  bool was_opened = false;                 // the same: by the owner, while the visitor closed it
  bool parked = false;                     // without an owner; guarded by the registry mutex
  std::atomic<bool> at_work = false;       // the owner made a cold call since somebody looked
  std::atomic<std::uint32_t> robbery = 0;  // which one took its room; 0 once the owner is back at work
  bool lacks_room = false;                 // the owner found all of it taken
  std::uint16_t calls = 0;                 // cold ones of the owner, modulo 65536
  std::uint16_t calls_at_look = 0;         // their number when it last looked at the room there is
  std::uint16_t calls_at_search = 0;       // their number when it last looked for an idle cache
  std::uint16_t calls_to_wait = 0;         // before it looks for one again, at least
  std::uint8_t quick_calls = 0;            // how many of the next may be quick, see take_quickly
  std::uint8_t asked = 0;                  // times the owner asked for room, modulo 256
  std::uint32_t tops_seen = 0;             // Σ top when somebody looked; guarded by the registry mutex
  std::size_t share_seen = 0;              // the owner's share of room when it last looked
  std::size_t all_seen = 0;                // the room of all when it last looked
  thread_magazines* pool = nullptr;        // guarded by the registry mutex
  thread_cache* next = nullptr;            // of the pool; guarded by the registry mutex
  thread_cache* previous = nullptr;        // of the pool; guarded by the registry mutex
  thread_cache* next_of_thread = nullptr;  // the owning thread's
};

// The slots follow the set, so it is last.
struct thread_cache : thread_cache_links, magazine_set {};

/// The owner's cold path: as the hot one it is inside while `busy`, and it waits for a visitor to leave.
class owner_section {
public:
  explicit owner_section(thread_cache& cache) noexcept : cache_(cache) {}

  void lock() noexcept {
    cache_.enter();
    while (cache_.visited.load(std::memory_order_acquire)) {
      cache_.leave();
      cache_.visited.wait(true, std::memory_order_relaxed);
      cache_.enter();
    }
  }
  void unlock() noexcept { cache_.leave(); }

private:
  thread_cache& cache_;
};

inline thread_cache* thread_magazines::cache_at_hand() const noexcept {
  magazine_set* const set = this_thread_table.sets[table_index_];
  return set->serves(resource_) ? static_cast<thread_cache*>(set) : nullptr;
}

/// Guards which pool has which caches; one of the process, since threads and pools end independently.
std::mutex& registry_mutex() noexcept;

/// An empty cache of `cache_bytes`, from the spare ones or, if allowed, from the system's pages; or null.
thread_cache* take_cache(bool may_allocate) noexcept;
void give_cache(thread_cache* cache) noexcept;

} // namespace quarry::detail
