// How long a slab of a class is best. Rung 1.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "slab.hpp"
#include <quarry/size_class.hpp>

namespace quarry::detail {

inline constexpr std::size_t kib = 1024; // the unit of most chunks
inline constexpr std::size_t largest_small_slab = 65536;

/// Whether at most a sixteenth of a slab of so many bytes is unused at its end.
constexpr bool wastes_little(std::size_t bytes, std::size_t block) noexcept {
  return bytes % block <= bytes / 16;
}
constexpr std::size_t waste_per_unit(std::size_t units, unsigned unit_shift, std::size_t block) noexcept {
  return ((units << unit_shift) % block) * 64 / units;
}

/// At most `most` and at least `least` units, of which blocks waste least, of equals the longest; or 0 when
/// none holds a block.
constexpr std::size_t best_units(std::size_t block, unsigned unit_shift, std::size_t least,
                                 std::size_t most) noexcept {
  std::size_t best = 0;
  std::size_t best_waste = ~std::size_t{0};
  for (std::size_t units = most; best_waste != 0 && units >= least && units << unit_shift >= block; --units) {
    const std::size_t waste = waste_per_unit(units, unit_shift, block);
    if (waste >= best_waste) continue;
    best = units;
    best_waste = waste;
  }
  return best;
}

// The same for chunks with units of 1 KiB, of which all but few slabs are cut.
struct slab_lengths {
  std::uint64_t thrifty;              // bit n: n + 1 KiB leave little unused
  std::array<std::uint8_t, 7> wished; // by the logarithm of the KiB that are a share of what the class has
  std::array<std::uint8_t, 65> best;  // by the most KiB
};

extern const std::array<slab_lengths, size_class_count> lengths_of_slabs;

/// A slab that a class would like.
struct slab_wish {
  size_class c;
  std::size_t bytes; // as large as the class would like
  std::size_t least; // smaller ones are taken from memory that is there
  bool by_waste;     // in units of 1 KiB, as many as waste least; or else as long as can be

  /// The length of the best slab where there is a run of `room` bytes; or 0.
  std::size_t length_within(std::size_t room) const noexcept {
    if (room < least) return 0;
    if (!by_waste || room < kib) return std::min(bytes, room);
    return std::size_t{lengths_of_slabs[c].best[std::min(bytes + kib - 1, room) / kib]} * kib;
  }
  /// The shortest slab that will do in place of one of `length`: from an eighth of that on.
  std::size_t least_within(std::size_t length) const noexcept {
    if (!by_waste || length < kib) return least;
    return std::min(length, next_thrifty_kib((std::max(least, length / 8) + kib - 1) / kib) * kib);
  }
  bool is_thrifty(std::size_t length) const noexcept {
    if (!by_waste || length < kib) return length != 0;
    return (lengths_of_slabs[c].thrifty >> (length / kib - 1) & 1) != 0;
  }

private:
  // Or more than 64.
  std::size_t next_thrifty_kib(std::size_t from) const noexcept {
    return from + static_cast<std::size_t>(std::countr_zero(lengths_of_slabs[c].thrifty >> (from - 1)));
  }
};

/// `share`, a power of two up to 64 KiB, or what wastes less where the class has six times as much.
inline std::size_t with_little_waste(std::size_t share, size_class c) noexcept {
  if (share < kib) return share;
  return std::size_t{lengths_of_slabs[c].wished[static_cast<std::size_t>(std::countr_zero(share / kib))]} *
         kib;
}

} // namespace quarry::detail
