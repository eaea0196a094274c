// Chunks by their free bytes, and by address. Rung 1.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "address_tree.hpp"
#include "chunk.hpp"

namespace quarry::detail {

// A list for each power of two of free bytes, from 64 bytes to 128 KiB and more, which is enough for any
// slab; and one for the chunks without a slab.
//
//   bit i of occupied_ is set  ⇔  list i has a chunk;   a chunk c is in list c.list = list_of(c)
//
class chunk_lists {
public:
  static constexpr std::size_t count = 14;
  static constexpr std::size_t empty_ones = count - 1;

  /// The first list where chunks may have `bytes` free.
  static std::size_t list_for(std::size_t bytes) noexcept {
    return std::min(static_cast<std::size_t>(std::bit_width(bytes / 64)), empty_ones - 1);
  }
  static std::size_t list_of(const chunk& c) noexcept {
    return c.empty() ? empty_ones : list_for(c.free_bytes());
  }

  /// The first list from `list` on that has a chunk, or `count`.
  std::size_t next(std::size_t list) const noexcept {
    const std::uint32_t rest = occupied_ >> list << list;
    return rest == 0 ? count : static_cast<std::size_t>(std::countr_zero(rest));
  }
  const address_tree<chunk>& operator[](std::size_t list) const noexcept { return lists_[list]; }
  /// Some chunk, or null.
  chunk* any() const noexcept {
    const std::size_t list = next(0);
    return list == count ? nullptr : lists_[list].lowest();
  }

  void insert(chunk& c) noexcept {
    c.list = static_cast<std::uint8_t>(list_of(c));
    lists_[c.list].insert(c);
    occupied_ |= std::uint32_t{1} << c.list;
  }
  void erase(chunk& c) noexcept {
    lists_[c.list].erase(c);
    if (lists_[c.list].empty()) occupied_ &= ~(std::uint32_t{1} << c.list);
  }
  /// After the free units of a chunk have changed.
  void relist(chunk& c) noexcept {
    if (list_of(c) == c.list) return;
    erase(c);
    insert(c);
  }

  /// Calls f(chunk) for each.
  template <class Function>
  void for_each(Function f) const {
    for (const auto& list : lists_) list.for_each(f);
  }

  void check_invariants() const {
    for (std::size_t list = 0; list < count; ++list) {
      if (lists_[list].empty() != ((occupied_ >> list & 1) == 0))
        throw std::logic_error("quarry: a list of chunks is not known to be empty, or not to be");
      lists_[list].for_each([&](const chunk& c) {
        if (c.list != list || list_of(c) != list)
          throw std::logic_error("quarry: a chunk is in the wrong list");
      });
    }
  }

private:
  std::array<address_tree<chunk>, count> lists_{};
  std::uint32_t occupied_ = 0;
};

} // namespace quarry::detail
