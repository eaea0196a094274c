// From an address to the slab it lies in; used on cold paths only. Rung 1.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bits.hpp"
#include "chunk.hpp"
#include "late.hpp"
#include "upstream.hpp"

namespace quarry::detail {

inline std::uintptr_t number_of(const void* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address);
}

// An open-addressed table of granules. Readers take no lock: entries are single words, tables that were
// outgrown stay until all is released, and what they lead to is type-stable. A reader of a live block always
// finds its slab; one of a bogus address may be led to any slab, which then says that no block of it starts
// there.
//
//   entries = live + erased + empty;   (live + erased + promised) · 2 ≤ entries
/// Writers lock; only grow() calls upstream.
class slab_map {
public:
  // A key: the number of the granule, above it 18 bits of what is there. For what of a chunk lies in the
  // granule: its first KiB, how many follow, and the unit in which it starts. For a small chunk: where in the
  // granule it starts, in lines of 64 bytes, the logarithm of its size, and a bit that says so. Or empty or
  // erased. A value: where the slots of the granule would begin if the chunk had all of it, and in the low
  // bits how often a unit is more than 1 KiB, as a logarithm, up to a granule; or a small chunk and how many
  // units it has: `eight` or `sixteen`.
  //
  // Whether an entry is that of a live block, and so stays, the key says alone. Who comes with a bogus
  // address may find one that becomes another's: what a value says is used if its key is there before and
  // after.
  struct entry {
    std::atomic<std::uintptr_t> key;
    std::atomic<std::uintptr_t> value;
  };
  struct table {
    table* older;
    entry* entries;
    unsigned shift; // of a scrambled number, to where the search for it starts

    std::size_t last() const noexcept { return ~std::size_t{0} >> shift; }
    std::size_t count() const noexcept { return last() + 1; }
    std::size_t after(std::size_t i) const noexcept { return (i + 1) & last(); }
  };

  slab_map() noexcept = default;

  /// Where the slab of a unit is noted, and how large the unit is, as a logarithm.
  struct unit_slot {
    const std::atomic<slab*>* slot;
    unsigned unit_shift;

    /// Whether both addresses, of which one was asked for, lie in the unit.
    bool is_of_both(const void* one, const void* other) const noexcept {
      return (number_of(one) ^ number_of(other)) >> unit_shift == 0;
    }
  };
  static unit_slot no_slot() noexcept { return {&no_slab, 0}; }

  /// The slot of the unit of `address`; `no_slot()` when it is of no chunk.
  unit_slot slot_of(const void* address) const noexcept {
    const std::uintptr_t number = number_of(address);
    const table& t = *current_.load(std::memory_order_acquire);
    for (std::size_t i = start_of(number / granule, t);; i = t.after(i)) {
      const entry& e = t.entries[i];
      const std::uintptr_t key = e.key.load(std::memory_order_acquire);
      if (granule_of_key(key) != number / granule || key <= erased_key) {
        if (key == empty_key) return no_slot();
        continue;
      }
      if (is_of_small_chunk(key)) return search(address);
      if (!covers(key, number)) continue;
      const std::uintptr_t value = e.value.load(std::memory_order_acquire);
      if (e.key.load(std::memory_order_relaxed) != key) [[unlikely]]
        return search(address);
      const unsigned shift = unit_shift_of(value);
      return {slots_at(value) + (number % granule >> shift), shift};
    }
  }

  /// The slab that `address` lies in, or null.
  slab* find(const void* address) const noexcept {
    return slot_of(address).slot->load(std::memory_order_acquire);
  }

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
    std::size_t count;
    locked([&] { count = next_count(granules); });
    void* const memory = up.allocate(bytes_of(count), alignof(table));
    table* outgrown = nullptr;
    locked([&] {
      move_to(memory, count);
      if (!has_readers) outgrown = std::exchange(current_.load(std::memory_order_relaxed)->older, nullptr);
    });
    give_back(up, outgrown);
  }

  /// Takes the tables away, to be given upstream.
  table* remove_all() noexcept;
  void give_back(upstream& up, table* newest) noexcept;

  /// How many granules a chunk of so many bytes may lie in.
  static std::size_t most_granules_of(std::size_t chunk_bytes) noexcept {
    if (chunk_bytes < granule) return 1;
    return chunk_bytes / granule + (chunk::alignment_of(chunk_bytes) == granule ? 0 : 2);
  }

private:
  inline static constexpr std::atomic<slab*> no_slab{nullptr};
  static constexpr std::uintptr_t empty_key = 0, erased_key = 1;
  static constexpr std::size_t first_count = 8;
  using first_entries = std::array<entry, first_count>;
  static constexpr unsigned place_shift = 46;
  static constexpr unsigned rest_shift = place_shift + 5, unit_shift = rest_shift + 5;
  static constexpr unsigned size_shift = // in the key of a small chunk
      place_shift + static_cast<unsigned>(std::countr_zero(granule / 64));
  static constexpr std::uintptr_t of_small_chunk = std::uintptr_t{1} << 63;
  static constexpr std::uintptr_t low_bits = 7, sixteen = 6, eight = 7; // of a value

  static std::uintptr_t granule_of_key(std::uintptr_t key) noexcept {
    return key & ((std::uintptr_t{1} << place_shift) - 1);
  }
  static bool is_of_small_chunk(std::uintptr_t key) noexcept { return (key & of_small_chunk) != 0; }
  static std::uintptr_t size_of_small(std::uintptr_t key) noexcept { // its logarithm
    return (key ^ of_small_chunk) >> size_shift;
  }
  /// Of a chunk that is not small; expects the granule of the address.
  static bool covers(std::uintptr_t key, std::uintptr_t address) noexcept {
    const std::uintptr_t at = address % granule / 1024, first = key >> place_shift & 31;
    return at - first <= (key >> rest_shift & 31);
  }
  static bool is_small(std::uintptr_t value) noexcept { return (value & low_bits) >= sixteen; }
  static std::size_t units_of_small(std::uintptr_t value) noexcept {
    return (value & low_bits) == sixteen ? 16 : 8;
  }
  static unsigned unit_shift_of(std::uintptr_t value) noexcept {
    return chunk::least_unit_shift + static_cast<unsigned>(value & low_bits);
  }
  static chunk& small_chunk(std::uintptr_t value) noexcept {
    return *reinterpret_cast<chunk*>(value & ~low_bits);
  }
  static std::atomic<slab*>* slots_at(std::uintptr_t value) noexcept {
    return reinterpret_cast<std::atomic<slab*>*>(value & ~low_bits);
  }
  // The high bits: multiples of the golden ratio, so granules in a row are as far from each other as can be.
  static std::size_t start_of(std::uintptr_t granule_number, const table& t) noexcept {
    return static_cast<std::size_t>(scrambled(granule_number) >> t.shift);
  }
  static unsigned shift_of(std::size_t count) noexcept {
    return 64 - static_cast<unsigned>(std::countr_zero(count));
  }
  static std::size_t granules_of(const chunk& c) noexcept {
    const auto start = reinterpret_cast<std::uintptr_t>(c.base);
    return (start + c.bytes - 1) / granule - start / granule + 1;
  }
  static std::size_t offset_in_small(std::uintptr_t key, std::uintptr_t address) noexcept;
  static std::uintptr_t key_of(const chunk& c, std::size_t place) noexcept;
  static std::uintptr_t value_of(const chunk& c, std::size_t place) noexcept;

  static std::size_t bytes_of(std::size_t count) noexcept { return sizeof(table) + count * sizeof(entry); }
  const entry* entry_of(const void* address) const noexcept;
  unit_slot search(const void* address) const noexcept;
  /// True when an erased entry was used again.
  static bool put(table& t, std::uintptr_t key, std::uintptr_t value) noexcept;
  void make_empty(table& t, std::size_t i) noexcept;
  std::size_t next_count(std::size_t granules) const noexcept;
  void move_to(void* memory, std::size_t count) noexcept;
  void open() noexcept;

  // Of a map that never had a chunk.
  inline static constinit std::array<entry, 2> no_entries{};
  inline static constinit table none{nullptr, no_entries.data(), 63};

  std::atomic<table*> current_ = &none;
  std::size_t live_ = 0;
  std::size_t erased_ = 0;
  std::size_t promised_ = 0;
  late<table> first_;
  late<first_entries> first_entries_;
};

} // namespace quarry::detail
