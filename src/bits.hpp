// Arithmetic on the bits of a word and on addresses. Rung 0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace quarry::detail {

/// Where `count` set bits in a row begin, as bits.
constexpr std::uint64_t runs_of(std::uint64_t set, std::size_t count) noexcept {
  std::uint64_t starts = set;
  for (std::size_t length = 1; length < count;) { // starts: where `length` of them begin
    const std::size_t more = std::min(length, count - length);
    starts &= starts >> more;
    length += more;
  }
  return starts;
}

/// Whether one address lies below another, be they of the same object or not.
inline bool is_below(const void* one, const void* another) noexcept {
  return reinterpret_cast<std::uintptr_t>(one) < reinterpret_cast<std::uintptr_t>(another);
}
/// Whether it lies in the `bytes` from `base` on.
inline bool is_within(const void* address, const void* base, std::size_t bytes) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base) < bytes;
}

/// Spread over all bits, the high ones best: times 2^64 by the golden ratio (Knuth, The Art of Computer
/// Programming, 6.4).
constexpr std::uint64_t scrambled(std::uint64_t number) noexcept { return number * 0x9E3779B97F4A7C15u; }

} // namespace quarry::detail
