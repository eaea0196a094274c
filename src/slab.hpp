// A slab: memory for blocks of one class, described by a bitmap out of line. Rung 1.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "relaxed.hpp"
#include <quarry/size_class.hpp>

namespace quarry::detail {

// One cache line a slab. Guarded by the mutex of the slab's class; `class_index` changes hands under the slab
// source's. Who was led here by a bogus address glances at it without a lock.
//
//   free_count = number of set bits in `free`   ≤ blocks ≤ 256
//   bits at and above `blocks` are clear
//   blocks at and above `touched` have never been handed out
//   block i lies at base + i · block_size_of(class_index)
struct alignas(64) slab {
  static constexpr std::size_t most_blocks = 256;
  static constexpr std::uint8_t no_class = 255;
  static constexpr std::uint8_t no_shelf = 7; // on its way from or to the slab source

  std::array<std::uint64_t, 4> free;
  relaxed<std::byte*> base;
  slab* left; // in a tree or a list of its pool; or the next of those on their way to the slab source
  slab* right;
  std::atomic<std::uint8_t> class_index; // no_class while the slab source has it
  std::uint8_t shelf : 3;                // see pool, or no_shelf
  std::uint8_t list : 5;                 // where it has records: what its memory is, see bookkeeping
  relaxed<std::uint16_t> blocks;
  std::uint16_t free_count;
  std::uint16_t touched;

  size_class block_class() const noexcept { return class_index.load(std::memory_order_relaxed); }
  bool empty() const noexcept { return free_count == blocks; }

  /// Makes all `count` blocks free.
  void reset(std::byte* memory, size_class c, std::size_t count) noexcept {
    base = memory;
    blocks = free_count = static_cast<std::uint16_t>(count);
    touched = 0;
    shelf = no_shelf;
    free = {};
    std::size_t word = 0;
    for (; count > 64; count -= 64) free[word++] = ~std::uint64_t{0};
    free[word] = ~std::uint64_t{0} >> (64 - count);
    class_index.store(static_cast<std::uint8_t>(c), std::memory_order_release);
  }

  /// Takes up to `count` free blocks, lowest address first, and returns how many.
  std::size_t take(void** out, std::size_t count) noexcept {
    const std::size_t block = block_sizes[block_class()];
    std::byte* const memory = base;
    std::size_t taken = 0;
    std::size_t end = 0; // of the last run of free blocks
    for (std::size_t word = 0; word < free.size() && taken < count; ++word) {
      std::uint64_t bits = free[word];
      while (bits != 0 && taken < count) {
        const auto first = static_cast<std::size_t>(std::countr_zero(bits));
        const std::size_t run =
            std::min(static_cast<std::size_t>(std::countr_one(bits >> first)), count - taken);
        std::byte* next = memory + (word * 64 + first) * block;
        for (const std::size_t up_to = taken + run; taken < up_to; next += block) out[taken++] = next;
        bits &= ~(~std::uint64_t{0} >> (64 - run) << first);
        end = word * 64 + first + run;
      }
      free[word] = bits;
    }
    free_count = static_cast<std::uint16_t>(free_count - taken);
    if (end > touched) touched = static_cast<std::uint16_t>(end);
    return taken;
  }

  std::size_t offset_of(const void* address) const noexcept {
    const std::byte* const first = base;
    return static_cast<std::size_t>(static_cast<const std::byte*>(address) - first);
  }
  /// The index of the block that starts at `address`, or `most_blocks` when none does, as in a slab that the
  /// slab source has. Nothing of what this reads changes while a block is used.
  std::size_t index_of(const void* address) const noexcept {
    const size_class c = block_class();
    return c == no_class ? most_blocks : by_block(c).index_in(where(), address);
  }
  /// Where its blocks lie, and how many there are.
  struct extent {
    std::byte* base = nullptr;
    std::size_t blocks = 0;
  };
  extent where() const noexcept { return {base, blocks}; }
  /// The same for any slab of a class.
  struct divisor {
    std::size_t block, reciprocal;
    std::size_t index_in(const extent& e, const void* address) const noexcept {
      const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(address) - e.base);
      const std::size_t index = (offset * reciprocal) >> 40;
      return index < e.blocks && index * block == offset ? index : most_blocks;
    }
  };
  static divisor by_block(size_class c) noexcept { return {block_sizes[c], block_reciprocals[c]}; }
  /// Whether `address` lies in the blocks.
  bool spans(const void* address) const noexcept {
    return offset_of(address) < blocks * std::size_t{block_sizes[block_class()]};
  }

  bool is_free(std::size_t index) const noexcept { return (free[index / 64] >> (index % 64) & 1) != 0; }

  /// Marks a block free. False when it was.
  bool mark_free(std::size_t index) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    if ((free[index / 64] & bit) != 0) return false;
    free[index / 64] |= bit;
    ++free_count;
    return true;
  }

  /// Throws std::logic_error when an equation above does not hold.
  void check_invariants() const;

private:
  static constexpr std::uint64_t low_bits(std::size_t count, std::size_t word) noexcept {
    if (count >= word * 64 + 64) return ~std::uint64_t{0};
    return count <= word * 64 ? 0 : (std::uint64_t{1} << (count - word * 64)) - 1;
  }
};
static_assert(sizeof(slab) == 64, "a slab's descriptor is one cache line");

} // namespace quarry::detail
