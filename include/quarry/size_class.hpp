// Size classes: which block size serves a request. Rung 0.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace quarry {

/// Index of a size class, 0 ≤ index < size_class_count.
using size_class = std::size_t;

// Block sizes step by 8 up to 128 and then by an eighth of the power of two below: 8, 16, …, 128, 144, 160,
// …, 256, 288, …, 512, …, 262144. Every step is a power of two, from which two equations follow (proved in
// tests/size_class_test.cpp for every size and alignment):
//
//   a request (bytes, align) with n = (bytes − 1) | (align − 1) is served by the least block > n,
//   and that block is a multiple of align.
//
// so no alignment is searched for, and a formula does; for requests below 1 KiB what it gives is tabulated.
// Waste is at most 7 bytes to 128, then at most 1/9 of the block.
inline constexpr std::size_t size_class_count = 104;

/// Largest block any pool can have; 256 KiB.
inline constexpr std::size_t largest_block_size = 262144;

namespace detail {

constexpr size_class computed_class_of_last(std::size_t last) noexcept {
  const auto highest =
      static_cast<unsigned>(63 ^ std::countl_zero(std::uint64_t{last | 127})); // bit that is set
  return (last >> (highest - 3)) + std::size_t{highest} * 8 - 48;
}

/// By last / 8: the classes of small requests, which are most.
inline constexpr std::size_t small_classes_end = 1024;
inline constexpr auto small_classes = [] {
  std::array<std::uint8_t, small_classes_end / 8> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<std::uint8_t>(computed_class_of_last(i * 8));
  return table;
}();

} // namespace detail

/// The class of the least block that is larger than `last`, the offset of the request's last byte.
/// Of larger ones a number that is no class, ≥ size_class_count.
constexpr size_class size_class_of_last(std::size_t last) noexcept {
  if (last < detail::small_classes_end) [[likely]]
    return detail::small_classes[last / 8];
  return detail::computed_class_of_last(last);
}

/// Offset of the last byte of a request rounded up to its alignment; huge (≥ largest_block_size) for 0 bytes.
constexpr std::size_t last_byte_of(std::size_t bytes, std::size_t alignment) noexcept {
  return (bytes - 1) | (alignment - 1);
}

/// The class that serves (bytes, alignment). Expects: 0 < bytes, rounded up to alignment, ≤
/// largest_block_size.
constexpr size_class size_class_of(std::size_t bytes, std::size_t alignment) noexcept {
  return size_class_of_last(last_byte_of(bytes, alignment));
}

/// Bytes of a block of class `c`.
constexpr std::size_t block_size_of(size_class c) noexcept {
  if (c < 16) return (c + 1) * 8;
  const std::size_t doubling = c / 8 - 2;
  return (9 + c % 8) << (doubling + 4);
}

namespace detail {

/// No alignment above this is asked of upstream for chunks; requests with larger ones are oversized. 32 KiB.
inline constexpr std::size_t granule = 32768;

/// Classes with a magazine: those of blocks up to a granule, the others are always served by the cold path.
/// So it is the cold path that tells requests with a larger alignment.
inline constexpr size_class magazine_count = size_class_of(granule, 1) + 1;

template <class Value, class Function>
constexpr auto table_of_classes(Function value_of) {
  std::array<Value, size_class_count> table{};
  for (size_class c = 0; c < size_class_count; ++c) table[c] = static_cast<Value>(value_of(c));
  return table;
}

inline constexpr auto block_sizes = table_of_classes<std::uint32_t>(block_size_of);

/// ⌈2^40 / block⌉: offset / block = (offset · reciprocal) >> 40 for offsets of at most 2^24 blocks that are
/// below 2^40 / block, or multiples of it.
inline constexpr auto block_reciprocals = table_of_classes<std::uint64_t>(
    [](size_class c) { return ((1ull << 40) + block_size_of(c) - 1) / block_size_of(c); });

/// The alignment every block of class `c` has: the largest power of two that divides it, at most the granule.
constexpr std::size_t natural_alignment_of(size_class c) noexcept {
  const std::size_t block = block_size_of(c);
  const std::size_t power = block & (~block + 1);
  return power < granule ? power : granule;
}

} // namespace detail
} // namespace quarry
