// Kinds of room that a chunk has for slabs, as bits of a word. Rung 0.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace quarry::detail {

// Of a chunk in use by its longest free run: none; from 128, 256 and 512 bytes; each KiB up to 32; from there
// each 8 KiB up to 64, and each double up to 1 MiB and more. Then, behind all of these, of empty ones by
// their size: each double from 64 bytes up to 1 MiB and more, and 63 KiB, which is a packed chunk.
inline constexpr std::size_t room_kinds_in_use = 45, room_kinds = 61;
inline constexpr std::size_t packed_room = std::size_t{63} * 1024;
inline constexpr std::uint64_t rooms_in_use = (std::uint64_t{1} << room_kinds_in_use) - 1;
inline constexpr std::uint64_t all_rooms = (std::uint64_t{1} << room_kinds) - 1;
inline constexpr std::uint64_t empty_rooms = all_rooms & ~rooms_in_use;

/// The kind of a chunk in use whose longest free run is so long.
constexpr std::size_t room_in_use_for(std::size_t bytes) noexcept {
  if (bytes < 1024) return static_cast<std::size_t>(std::bit_width(bytes / 128));
  if (bytes < std::size_t{33} * 1024) return bytes / 1024 + 3;
  if (bytes < 65536) return bytes / 8192 + 32;
  return std::min(static_cast<std::size_t>(std::bit_width(bytes / 65536)) + 39, room_kinds_in_use - 1);
}
/// The kind of an empty chunk of so many bytes, at least 64.
constexpr std::size_t empty_room_for(std::size_t bytes) noexcept {
  const std::size_t doubles = static_cast<std::size_t>(std::bit_width(bytes / 128));
  return std::min(doubles + (bytes >= packed_room ? 1 : 0) + room_kinds_in_use, room_kinds - 1);
}

/// Where there may be a run of so many bytes: in chunks in use, in empty ones.
constexpr std::uint64_t rooms_in_use_from(std::size_t bytes) noexcept {
  return rooms_in_use & (~std::uint64_t{0} << std::max<std::size_t>(room_in_use_for(bytes), 1));
}
/// Where there is one for certain.
constexpr std::uint64_t rooms_in_use_beyond(std::size_t bytes) noexcept {
  const std::uint64_t rooms = rooms_in_use_from(bytes);
  return rooms & (rooms - 1);
}
constexpr std::uint64_t empty_rooms_from(std::size_t bytes) noexcept {
  const std::size_t least = std::bit_ceil(bytes);
  return ~std::uint64_t{0} << empty_room_for(least > packed_room && bytes <= packed_room ? packed_room
                                                                                         : least);
}

/// By kind: how long a run there is at least; of the last ones, which have no end, that is not known.
inline constexpr auto runs_in_rooms = [] {
  constexpr std::uint32_t last = std::uint32_t{1} << 20;
  std::array<std::uint32_t, room_kinds> least{};
  for (std::uint32_t bytes = last; bytes >= 64; bytes = bytes > 65536 ? bytes / 2 : bytes - 64)
    least[room_in_use_for(bytes)] = least[empty_room_for(bytes)] = bytes;
  least[0] = 0;
  least[room_in_use_for(last)] = least[empty_room_for(last)] = ~std::uint32_t{0};
  return least;
}();

/// The longest run that may be where there are these kinds of room.
constexpr std::size_t longest_in(std::uint64_t rooms) noexcept {
  return rooms == 0 ? 0 : runs_in_rooms[static_cast<std::size_t>(std::bit_width(rooms)) - 1];
}

} // namespace quarry::detail
