// What a pool holds, as a plain value. Rung 0.
#pragma once

#include <array>
#include <cstddef>

#include <quarry/size_class.hpp>

namespace quarry {

/// One row of pool_statistics::classes(). blocks_in_use + blocks_cached + blocks_free = blocks carved.
struct size_class_statistics {
  std::size_t block_size = 0;    ///< bytes of a block
  std::size_t blocks_in_use = 0; ///< held by callers
  std::size_t blocks_cached = 0; ///< free, in a magazine or depot
  std::size_t blocks_free = 0;   ///< free, in a slab
  std::size_t slabs = 0;
};

/// A snapshot taken in one pass; bytes. Needs no memory, so it can be taken when memory is out.
struct pool_statistics {
  std::size_t bytes_held = 0;   ///< obtained from upstream and not given back, bookkeeping included
  std::size_t bytes_in_use = 0; ///< block sizes, oversized blocks as asked
  std::size_t bytes_cached = 0; ///< free blocks in magazines and depots
  std::size_t bytes_free = 0;   ///< free blocks in slabs
  std::size_t peak_bytes_in_use =
      0; ///< largest in use + cached seen on cold paths: true peak ≤ it ≤ true peak + cached
  std::size_t chunks = 0;
  std::size_t slabs = 0;
  std::size_t upstream_allocations = 0;   ///< since construction
  std::size_t upstream_deallocations = 0; ///< since construction
  std::size_t oversized_blocks = 0;
  std::size_t oversized_bytes = 0;
  std::size_t dropped_blocks = 0; ///< bad frees that the pool resources met, and ignored

  /// One row per size class the pool serves, by ascending block size.
  class class_range {
  public:
    constexpr class_range(const size_class_statistics* first, std::size_t count) noexcept
        : first_(first), count_(count) {}
    constexpr const size_class_statistics* begin() const noexcept { return first_; }
    constexpr const size_class_statistics* end() const noexcept { return first_ + count_; }
    constexpr std::size_t size() const noexcept { return count_; }
    constexpr bool empty() const noexcept { return count_ == 0; }
    constexpr const size_class_statistics& operator[](std::size_t i) const noexcept { return first_[i]; }

  private:
    const size_class_statistics* first_;
    std::size_t count_;
  };

  constexpr class_range classes() const noexcept { return {rows.data(), row_count}; }

  std::array<size_class_statistics, size_class_count> rows{};
  std::size_t row_count = 0;
};

} // namespace quarry
