#include "thread_cache.hpp"

#include <new>

#include <pthread.h>

#include <quarry/page_resource.hpp>

namespace quarry::detail {

namespace {

constexpr std::size_t cache_bytes = 4096;
constexpr std::size_t most_spare = 64;

// Never destroyed: threads and statics may end in any order.
template <class Value>
union immortal {
  Value value;
  constexpr immortal() noexcept : value{} {}
  ~immortal() {} // NOLINT(modernize-use-equals-default): a union's is deleted then
};

struct spare_page {
  spare_page* next;
};

constinit immortal<std::mutex> registry;
constinit immortal<std::mutex> spares_mutex;
constinit spare_page* spares = nullptr;
constinit std::size_t spare_count = 0;

void* take_spare() noexcept {
  const std::lock_guard guard(spares_mutex.value);
  spare_page* const page = spares;
  if (page == nullptr) return nullptr;
  spares = page->next;
  --spare_count;
  return page;
}

void give_page(void* memory) noexcept {
  {
    const std::lock_guard guard(spares_mutex.value);
    if (spare_count < most_spare) {
      spares = ::new (memory) spare_page{spares};
      ++spare_count;
      return;
    }
  }
  page_resource()->deallocate(memory, cache_bytes, cache_bytes);
}

void* new_page() noexcept {
  try {
    return page_resource()->allocate(cache_bytes, cache_bytes);
  } catch (...) {
    return nullptr;
  }
}

// A child of fork() finds both mutexes free, whichever thread had them.
void before_fork() noexcept {
  registry.value.lock();
  spares_mutex.value.lock();
}
void after_fork() noexcept {
  spares_mutex.value.unlock();
  registry.value.unlock();
}
[[maybe_unused]] const int fork_handlers = ::pthread_atfork(before_fork, after_fork, after_fork);

bool no_spares() noexcept {
  const std::lock_guard guard(spares_mutex.value);
  return spares == nullptr;
}

} // namespace

std::mutex& registry_mutex() noexcept { return registry.value; }

// Who may allocate leaves one spare behind, so that a thread that only frees, and must not allocate, finds
// one.
thread_cache* take_cache(bool may_allocate) noexcept {
  void* memory = take_spare();
  if (memory == nullptr && may_allocate) memory = new_page();
  if (memory == nullptr) return nullptr;
  if (may_allocate && no_spares())
    if (void* const spare = new_page()) give_page(spare);
  auto* const cache = ::new (memory) thread_cache;
  cache->set_room(cache_bytes - sizeof(thread_cache));
  return cache;
}

void give_cache(thread_cache* cache) noexcept {
  cache->~thread_cache();
  give_page(cache);
}

} // namespace quarry::detail
