// What is known of a block of a segment pool, out of line of the block. Rung 1.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quarry/atomic_word.hpp>

namespace quarry::detail {

/// To whom a live block was given.
enum class block_holder : std::uint32_t { resource, span, handle };

// The bitmap of a slab says which blocks were taken from it, a record whether its block is live. The records
// of a slab follow its descriptor, and stand for their blocks in magazines. A region that is one segment has
// a record too.
//
//   state = live + 2 · holder + 8 · is_region + 16 · index + 4096 · tag;   a free one has no holder
//   live blocks + blocks in magazines and depots = blocks that the bitmaps have as used
//
// Who frees by address exchanges the state that a live block of its slab at its index must have for the same
// without `live`: of two that race one succeeds. The tag tells slabs apart: a bogus free, whose slab is made
// into another one while it looks, meets no state that it expects. A state with a handle is expected by
// nobody, so that the handle, which is one, stores in place of exchanging. Records stay records until
// release().
struct block_record {
  atomic_word<std::uint32_t> state;
  atomic_word<std::uint32_t> shares; // owners of a shared_segment
  atomic_word<std::byte*> address;   // of the block: nothing else is read to allocate it

  static constexpr std::uint32_t live_bit = 1, holder_bits = 6, region_bit = 8;
  static constexpr unsigned holder_shift = 1, index_shift = 4, tag_shift = 12;
  static constexpr std::uint32_t live_with(block_holder holder) noexcept {
    return live_bit | static_cast<std::uint32_t>(holder) << holder_shift;
  }

  static bool is_live(std::uint32_t seen) noexcept { return (seen & live_bit) != 0; }
  static bool is_handles(std::uint32_t seen) noexcept {
    return (seen & (live_bit | holder_bits)) == live_with(block_holder::handle);
  }
  static std::uint32_t free_of(std::uint32_t seen) noexcept { return seen & ~(live_bit | holder_bits); }

  std::uint32_t seen() const noexcept { return state.load_relaxed(); }
  bool is_live() const noexcept { return is_live(seen()); }
  bool is_handles() const noexcept { return is_handles(seen()); }
  bool is_region() const noexcept { return (seen() & region_bit) != 0; }
  block_holder holder() const noexcept { return block_holder{(seen() & holder_bits) >> holder_shift}; }

  void set_free(std::byte* at, std::uint32_t free) noexcept {
    address.store_relaxed(at);
    state.store_relaxed(free);
  }
  /// Expects: free, and just taken.
  void set_live(block_holder holder) noexcept { state.store_relaxed(seen() + live_with(holder)); }

  // For the one handle that has the block.
  void free_from_handle() noexcept { state.store_relaxed(seen() - live_with(block_holder::handle)); }
  void become_span() noexcept {
    state.store_relaxed(seen() - live_with(block_holder::handle) + live_with(block_holder::span));
  }
};

} // namespace quarry::detail
