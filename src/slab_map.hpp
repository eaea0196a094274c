// From an address to the slab it lies in; used on cold paths only. Rung 1.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "chunk.hpp"
#include "upstream.hpp"

namespace quarry::detail {

// An open-addressed table of granules. Readers take no lock: entries are single words, tables that were
// outgrown stay until release_all(), and what they lead to is type-stable. A reader of a live block always
// finds its slab; one of a bogus address may be led to any slab, which then says that no block of it starts
// there.
//
//   entries = live + erased + empty;   (live + erased + promised) · 4 ≤ 3 · entries
/// Writers lock; only grow() calls upstream.
class slab_map {
public:
  slab_map() noexcept;

  /// The slab that `address` lies in, or null.
  slab* find(const void* address) const noexcept;

  /// The chunk that `address`, of a slab that is there, lies in.
  chunk& chunk_of(const void* address) const noexcept;

  /// Sets room aside for a chunk that is still to come; false when grow() is needed first.
  bool promise(std::size_t granules) noexcept;
  void break_promise(std::size_t granules) noexcept { promised_ -= granules; }

  /// Expects: room for it was promised.
  void insert(chunk& c) noexcept;
  void erase(const chunk& c) noexcept;

  /// Obtains a larger table from upstream and moves in under the owner's lock, see bookkeeping::grow. The
  /// tables before stay where there are readers.
  template <class Locked>
  void grow(upstream& up, std::size_t granules, bool has_readers, Locked locked) {
    const std::size_t count = next_count(granules);
    void* const memory = up.allocate(bytes_of(count), alignof(table));
    table* outgrown = nullptr;
    locked([&] {
      move_to(memory, count);
      if (!has_readers) outgrown = std::exchange(current_.load(std::memory_order_relaxed)->older, nullptr);
    });
    give_upstream(up, outgrown);
  }

  void release_all(upstream& up) noexcept;

  static std::size_t granules_of(std::size_t chunk_bytes) noexcept {
    return chunk_bytes < granule ? 1 : chunk_bytes / granule;
  }

private:
  // key: number of the granule, above it its place in the chunk; or empty or erased.
  // value: the slots of a granule, or a small chunk; and in the low bits which.
  struct entry {
    std::atomic<std::uintptr_t> key;
    std::atomic<std::uintptr_t> value;
  };
  struct table {
    table* older;
    std::size_t mask;
    entry* entries;
  };
  static constexpr std::uintptr_t empty_key = 0, erased_key = 1;
  static constexpr std::size_t first_count = 8;

  static std::size_t bytes_of(std::size_t count) noexcept { return sizeof(table) + count * sizeof(entry); }
  const entry* entry_of(const void* address) const noexcept;
  static std::size_t start_of(std::uintptr_t key, std::size_t mask) noexcept;
  /// True when an erased entry was used again.
  static bool put(table& t, std::uintptr_t key, std::uintptr_t value) noexcept;
  void make_empty(table& t, std::size_t i) noexcept;
  std::size_t next_count(std::size_t granules) const noexcept;
  void move_to(void* memory, std::size_t count) noexcept;
  void give_upstream(upstream& up, table* newest) noexcept;
  void reset() noexcept;

  std::atomic<table*> current_;
  std::size_t live_ = 0;
  std::size_t erased_ = 0;
  std::size_t promised_ = 0;
  table first_;
  std::array<entry, first_count> first_entries_;
};

} // namespace quarry::detail
