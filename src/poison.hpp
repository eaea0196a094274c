// Poisoned memory: what AddressSanitizer and Valgrind's memcheck report when it is touched. Rung 0.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quarry/size_class.hpp>

namespace quarry::detail {

// When AddressSanitizer's runtime is in the process (whoever was compiled for it), or when the process runs
// under memcheck, all memory of a pool is poisoned but for the bytes that callers asked for:
//
//   chunk = Σ blocks in use, each of the bytes asked, unpoisoned, and a poisoned tail ≥ poisoned_tail
//         + everything else, poisoned
//
// Then no pool has magazines, so that every call takes the cold path, which does this. The hot path knows
// nothing of it: it finds no magazine. There is no macro to ask, since translation units with and without one
// would share one body of each inline function.
inline constexpr std::size_t poisoned_tail = 8;

enum class watcher : std::uint8_t { not_looked, none, address_sanitizer, memcheck };

extern constinit std::atomic<watcher> known_watcher;
watcher look_for_watcher() noexcept;

/// Whether memory is poisoned: the same for the life of the process.
inline bool poisoning() noexcept {
  const watcher known = known_watcher.load(std::memory_order_relaxed);
  return known != watcher::none && (known != watcher::not_looked || look_for_watcher() != watcher::none);
}

void poison_now(const void* memory, std::size_t bytes) noexcept;
void unpoison_now(const void* memory, std::size_t bytes) noexcept;

inline void poison(const void* memory, std::size_t bytes) noexcept {
  if (poisoning()) poison_now(memory, bytes);
}
/// What the memory contains counts as undefined.
inline void unpoison(const void* memory, std::size_t bytes) noexcept {
  if (poisoning()) unpoison_now(memory, bytes);
}

/// Pages of the system, where LeakSanitizer, which comes with AddressSanitizer, would not look for pointers
/// by itself: what only a pool's blocks point to is no leak. Ends with the very same arguments.
void begin_roots(const void* pages, std::size_t bytes) noexcept;
void end_roots(const void* pages, std::size_t bytes) noexcept;

// As poison and unpoison, for blocks: memcheck remembers for each where it was allocated and freed. `pool` is
// any address that stands for the pool, from begin_blocks to end_blocks, which forgets the blocks.
void begin_blocks(const void* pool) noexcept;
void end_blocks(const void* pool) noexcept;
void unpoison_block(const void* pool, const void* block, std::size_t bytes_asked) noexcept;
void poison_block(const void* pool, const void* block, std::size_t block_size) noexcept;

/// The class of a request with its tail. A request that ends less than a tail before the end of the largest
/// block there can be has what is left of it. Expects: 0 < bytes, rounded up to alignment, ≤
/// largest_block_size.
constexpr size_class class_with_tail(std::size_t bytes, std::size_t alignment) noexcept {
  return size_class_of_last(std::min(last_byte_of(bytes + poisoned_tail, alignment), largest_block_size - 1));
}

} // namespace quarry::detail
