#include "poison.hpp"

#ifdef QUARRY_HAS_MEMCHECK
#include <valgrind/memcheck.h>
#else // asked of nobody
#define VALGRIND_MAKE_MEM_DEFINED(memory, bytes) 0
#define VALGRIND_MAKE_MEM_NOACCESS(memory, bytes) 0
#define VALGRIND_MAKE_MEM_UNDEFINED(memory, bytes) 0
#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed) static_cast<void>(pool)
#define VALGRIND_DESTROY_MEMPOOL(pool) static_cast<void>(pool)
#define VALGRIND_MEMPOOL_ALLOC(pool, block, bytes) static_cast<void>(pool)
#define VALGRIND_MEMPOOL_FREE(pool, block) static_cast<void>(pool)
#endif

// Null unless AddressSanitizer's runtime is in the process.
extern "C" {
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* memory, std::size_t bytes);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* memory, std::size_t bytes);
[[gnu::weak]] void __lsan_register_root_region(const void* memory, std::size_t bytes);
[[gnu::weak]] void __lsan_unregister_root_region(const void* memory, std::size_t bytes);
}

namespace quarry::detail {

constinit std::atomic<watcher> known_watcher = watcher::not_looked;

// Not RUNNING_ON_VALGRIND: under its other tools, which count and time, pools are as ever.
watcher look_for_watcher() noexcept {
  [[maybe_unused]] char probe = 0; // without memcheck
  watcher found = watcher::none;
  if (&__asan_poison_memory_region != nullptr && &__asan_unpoison_memory_region != nullptr)
    found = watcher::address_sanitizer;
  else if (VALGRIND_MAKE_MEM_DEFINED(&probe, sizeof(probe)) != 0)
    found = watcher::memcheck;
  known_watcher.store(found, std::memory_order_relaxed);
  return found;
}

namespace {

bool memcheck_watches() noexcept {
  return known_watcher.load(std::memory_order_relaxed) == watcher::memcheck;
}

} // namespace

void poison_now(const void* memory, std::size_t bytes) noexcept {
  if (memcheck_watches())
    static_cast<void>(VALGRIND_MAKE_MEM_NOACCESS(memory, bytes));
  else
    __asan_poison_memory_region(memory, bytes);
}

void unpoison_now(const void* memory, std::size_t bytes) noexcept {
  if (memcheck_watches())
    static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(memory, bytes));
  else
    __asan_unpoison_memory_region(memory, bytes);
}

void begin_roots(const void* pages, std::size_t bytes) noexcept {
  if (&__lsan_register_root_region != nullptr) __lsan_register_root_region(pages, bytes);
}

void end_roots(const void* pages, std::size_t bytes) noexcept {
  if (&__lsan_unregister_root_region != nullptr) __lsan_unregister_root_region(pages, bytes);
}

void begin_blocks(const void* pool) noexcept {
  if (memcheck_watches()) VALGRIND_CREATE_MEMPOOL(pool, 0, false);
}

void end_blocks(const void* pool) noexcept {
  if (memcheck_watches()) VALGRIND_DESTROY_MEMPOOL(pool);
}

void unpoison_block(const void* pool, const void* block, std::size_t bytes_asked) noexcept {
  if (memcheck_watches())
    VALGRIND_MEMPOOL_ALLOC(pool, block, bytes_asked);
  else
    __asan_unpoison_memory_region(block, bytes_asked);
}

void poison_block(const void* pool, const void* block, std::size_t block_size) noexcept {
  if (memcheck_watches())
    VALGRIND_MEMPOOL_FREE(pool, block);
  else
    __asan_poison_memory_region(block, block_size);
}

} // namespace quarry::detail
