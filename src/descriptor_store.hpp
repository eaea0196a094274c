// Memory for descriptors that come and go with what they describe: it goes upstream again when nothing lies
// in it. Rung 1.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "address_tree.hpp"
#include "slab.hpp"
#include "upstream.hpp"

namespace quarry::detail {

// Pieces of one size, which is a class's, in blocks that are slabs with their own descriptor in front. The
// lowest block with room serves, so that others come to be empty.
//
//   block = descriptor, then `blocks` pieces;   a block in full_ has no free piece, one in roomy_ has some
//
/// Not synchronized: its owner locks. Only grow() calls upstream.
class descriptor_store {
public:
  explicit descriptor_store(size_class c) noexcept : class_(static_cast<std::uint8_t>(c)) {}

  /// A piece, or null when grow() is needed first.
  void* take() noexcept;
  bool has() const noexcept { return !roomy_.empty(); }
  /// Takes a piece back; false when it is none of this store's.
  bool give(void* piece) noexcept;

  /// Obtains a block from upstream and adds it with `locked(add)`, see bookkeeping::grow.
  template <class Locked>
  void grow(upstream& up, Locked locked) {
    const std::size_t pieces = next_count(up.held());
    void* const memory = up.allocate(bytes_of(pieces), alignof(slab));
    locked([&] { add(memory, pieces); });
  }

  /// Takes out a block without a piece in use, while another one has room; or returns null.
  slab* remove_empty() noexcept;
  /// Returns the bytes given.
  std::size_t give_upstream(upstream& up, slab& block) const noexcept {
    const std::size_t bytes = bytes_of(block.blocks);
    up.deallocate(&block, bytes, alignof(slab));
    return bytes;
  }

  /// Takes everything away: it is what is returned that has it.
  descriptor_store remove_all() noexcept;
  /// Gives every block back; all pieces are dead.
  void release_all(upstream& up) noexcept;
  void check_invariants() const;

private:
  static constexpr std::size_t least_block = 1024, largest_block = 16384;

  std::size_t bytes_of(std::size_t pieces) const noexcept {
    return sizeof(slab) + pieces * block_sizes[class_];
  }
  // 1/512 of what is held, so that the block that is not full is a small part of it.
  std::size_t next_count(std::size_t held) const noexcept {
    const std::size_t bytes = std::clamp(std::bit_floor(held / 512 + 1), least_block, largest_block);
    return (bytes - sizeof(slab)) / block_sizes[class_];
  }
  void add(void* memory, std::size_t pieces) noexcept;

  address_tree<slab> full_, roomy_;
  slab* serving_ = nullptr; // the lowest in roomy_
  std::uint32_t empty_ = 0; // blocks without a piece in use
  const std::uint8_t class_;
};

} // namespace quarry::detail
