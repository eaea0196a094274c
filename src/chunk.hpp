// A chunk: what one upstream allocation gave, divided into units that slabs are runs of. Rung 1.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "room.hpp"
#include "slab.hpp"

namespace quarry::detail {

// A chunk is aligned to its size, at most to a granule; a packed one to a KiB: in a malloc with a header
// before each block it lies beside the next one, where those aligned to a granule have as much between them,
// and two pages more are written to. One below a granule is a power of two; one below 16 KiB has 8 units,
// others have units of 1 KiB or, where that would be more than 64 of them, of the least power of two that
// makes it 64. Each unit has a slot.
//
//   bytes = units << unit_shift
//   bit u of free_units is clear  ⇔  slot u leads to a slab that is in use, for u < units
//   bit u of free_units is set  ⇐  slot u is null
//   longest = length of the longest run of set bits in free_units
struct alignas(64) chunk {
  std::byte* base;
  std::uint64_t free_units;
  chunk* left; // in the tree of the slab source
  chunk* right;
  chunk* parent;
  std::uint64_t below; // the kinds of room in the tree below, its own included
  std::size_t id;      // of the region it is, where regions are known
  std::uint32_t bytes;
  std::uint8_t unit_shift;
  std::uint8_t longest;
  std::uint8_t room;         // which kind it has
  std::uint8_t dedicated_to; // the only class it may serve, or slab::no_class

  static constexpr std::size_t eight_units_below = 16384;
  static constexpr unsigned least_unit_shift = 10; // of the others

  static constexpr unsigned unit_shift_of(std::size_t chunk_bytes) noexcept {
    if (chunk_bytes < eight_units_below) return static_cast<unsigned>(std::countr_zero(chunk_bytes)) - 3;
    return std::max<unsigned>(least_unit_shift,
                              static_cast<unsigned>(std::bit_width((chunk_bytes - 1) >> 6)));
  }
  static constexpr std::size_t units_of(std::size_t chunk_bytes) noexcept {
    return chunk_bytes >> unit_shift_of(chunk_bytes);
  }

  static constexpr std::size_t packed_bytes = packed_room, packed_alignment = 1024;
  static constexpr std::size_t packed_instead_of = packed_bytes + packed_alignment;

  /// What is asked of upstream for a chunk.
  static constexpr std::size_t alignment_of(std::size_t chunk_bytes) noexcept {
    if (chunk_bytes == packed_bytes) return packed_alignment;
    return chunk_bytes < granule ? chunk_bytes : granule;
  }

  /// Bytes of the descriptor with its slots; of a packed chunk as many as of others.
  static constexpr std::size_t descriptor_bytes(std::size_t chunk_bytes) noexcept {
    const std::size_t like = chunk_bytes == packed_bytes ? packed_instead_of : chunk_bytes;
    return sizeof(chunk) + units_of(like) * sizeof(std::atomic<slab*>);
  }

  /// By unit: the slab that lies there, or null.
  std::atomic<slab*>* slots() noexcept { return reinterpret_cast<std::atomic<slab*>*>(this + 1); }
  const std::atomic<slab*>* slots() const noexcept {
    return reinterpret_cast<const std::atomic<slab*>*>(this + 1);
  }

  /// An empty chunk of `size` bytes at `memory`; its slots are null.
  void reset(std::byte* memory, std::size_t size, std::uint8_t only_class) noexcept {
    base = memory;
    set_size(size);
    dedicated_to = only_class;
    for (std::size_t i = 0; i < units(); ++i) slots()[i].store(nullptr, std::memory_order_relaxed);
  }
  void set_size(std::size_t size) noexcept {
    bytes = static_cast<std::uint32_t>(size);
    unit_shift = static_cast<std::uint8_t>(unit_shift_of(size));
    free_units = all_units();
    longest = static_cast<std::uint8_t>(units());
  }

  std::size_t units() const noexcept { return bytes >> unit_shift; }
  std::uint64_t all_units() const noexcept { return ~std::uint64_t{0} >> (64 - units()); }
  bool empty() const noexcept { return longest == units(); }
  std::size_t longest_bytes() const noexcept { return std::size_t{longest} << unit_shift; }
  std::size_t free_bytes() const noexcept {
    return static_cast<std::size_t>(std::popcount(free_units)) << unit_shift;
  }
  /// How many units `size` bytes take, the last one not always whole.
  std::size_t units_for(std::size_t size) const noexcept {
    return (size + (std::size_t{1} << unit_shift) - 1) >> unit_shift;
  }

  static std::uint64_t bits_of(std::size_t first, std::size_t count) noexcept {
    return (~std::uint64_t{0} >> (64 - count)) << first;
  }
  /// Free units on both sides of unit `at`, which is free as well.
  std::size_t hole_around(std::size_t at) const noexcept {
    return static_cast<std::size_t>(std::countl_one(free_units << (63 - at)) +
                                    std::countr_one(free_units >> at)) -
           1;
  }
  void take_units(std::size_t first, std::size_t count) noexcept {
    const bool of_longest = hole_around(first) == longest;
    free_units &= ~bits_of(first, count);
    if (of_longest) longest = static_cast<std::uint8_t>(longest_run(free_units));
  }
  void give_units(std::size_t first, std::size_t count) noexcept {
    free_units |= bits_of(first, count);
    longest = std::max(longest, static_cast<std::uint8_t>(hole_around(first)));
  }

  /// Writes `what` into the slots of `count` units from `first`.
  void mark(std::size_t first, std::size_t count, slab* what) noexcept {
    std::atomic<slab*>* const end = slots() + first + count;
    for (std::atomic<slab*>* slot = end - count; slot != end; ++slot)
      slot->store(what, std::memory_order_release);
  }

  /// The length of the longest run of set bits: doubled while there is one so long, then put together.
  static std::size_t longest_run(std::uint64_t bits) noexcept {
    std::array<std::uint64_t, 7> starts; // by the logarithm of a length: where so many begin
    std::size_t doublings = 0;
    for (starts[0] = bits; starts[doublings] != 0 && doublings < 6; ++doublings)
      starts[doublings + 1] = starts[doublings] & (starts[doublings] >> (std::size_t{1} << doublings));
    if (starts[doublings] != 0) return 64;
    if (doublings == 0) return 0;
    std::size_t length = std::size_t{1} << --doublings;
    for (std::uint64_t begins = starts[doublings]; doublings-- != 0;) {
      const std::uint64_t longer = begins & (starts[doublings] >> length);
      if (longer == 0) continue;
      begins = longer;
      length += std::size_t{1} << doublings;
    }
    return length;
  }
};
static_assert(sizeof(chunk) == 64, "a chunk's descriptor is one cache line");

} // namespace quarry::detail
