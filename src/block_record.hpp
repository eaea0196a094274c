// What is known of each block of a segment pool, out of line of the blocks. Rung 1.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

#include "slab.hpp"

namespace quarry::detail {

/// Whether the process has no other thread; as far as the C library tells.
inline bool only_thread() noexcept {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

/// To whom a live block was given.
enum class block_holder : std::uint32_t { resource, span, handle };

// The bitmap of a slab says which blocks were taken from it, a record whether its block is live. The records
// of a slab follow its descriptor, and stand for their blocks in magazines. A region that is one segment has
// a record too.
//
//   state = live + 2 · holder + 8 · is_region + 16 · index + 4096 · tag
//   live blocks + blocks in magazines = blocks that the bitmaps have as used
//
// A free exchanges the state that a live block of its slab at its index must have for the same without
// `live`: of two that race one succeeds. The tag tells slabs apart: a bogus free, whose slab is made into
// another one while it looks, meets no state that it expects. Records stay records until release().
struct block_record {
  std::atomic<std::uint32_t> state;
  std::atomic<std::uint32_t> shares; // owners of a shared_segment
  relaxed<std::byte*> address;       // of the block: nothing else is read to allocate it

  static constexpr std::uint32_t live_bit = 1, holder_bits = 6, region_bit = 8;
  static constexpr unsigned holder_shift = 1, index_shift = 4, tag_shift = 12;

  void set_free(std::byte* at, std::uint32_t free) noexcept {
    address = at;
    state.store(free, std::memory_order_relaxed);
  }

  /// Returns the state it had. Expects: free, and just taken.
  std::uint32_t set_live(block_holder holder) noexcept {
    const std::uint32_t free = state.load(std::memory_order_relaxed) & ~holder_bits;
    state.store(free | static_cast<std::uint32_t>(holder) << holder_shift | live_bit,
                std::memory_order_relaxed);
    return free;
  }

  /// From what was seen to be live. True for one caller only. In a process of one thread nobody can come
  /// between, and the locked instruction, which costs more than all the rest of a free, is left out.
  bool exchange_for_free(std::uint32_t seen) noexcept {
    if (only_thread()) {
      state.store(seen & ~(live_bit | holder_bits), std::memory_order_relaxed);
      return true;
    }
    return state.compare_exchange_strong(seen, seen & ~(live_bit | holder_bits), std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  /// True for one caller only, and when the block is live and its state otherwise `free`.
  bool try_free(std::uint32_t free) noexcept {
    const std::uint32_t seen = state.load(std::memory_order_relaxed);
    return (seen & ~holder_bits) == (free | live_bit) && exchange_for_free(seen);
  }

  /// Whether this is the state of a live block, of a slab, that a handle has.
  static bool is_handles(std::uint32_t seen) noexcept {
    return (seen & (live_bit | holder_bits | region_bit)) ==
           (live_bit | static_cast<std::uint32_t>(block_holder::handle) << holder_shift);
  }

  bool is_live() const noexcept { return (state.load(std::memory_order_relaxed) & live_bit) != 0; }
  bool is_region() const noexcept { return (state.load(std::memory_order_relaxed) & region_bit) != 0; }
  block_holder holder() const noexcept {
    return block_holder{(state.load(std::memory_order_relaxed) & holder_bits) >> holder_shift};
  }
  void change_holder(block_holder from, block_holder to) noexcept {
    state.fetch_xor((static_cast<std::uint32_t>(from) ^ static_cast<std::uint32_t>(to)) << holder_shift,
                    std::memory_order_relaxed);
  }
};

/// The state of a free block: `index` of the slab at `base` with blocks of class `c`.
inline std::uint32_t free_state(const std::byte* base, size_class c, std::size_t index) noexcept {
  const std::uint64_t mixed = (reinterpret_cast<std::uintptr_t>(base) + c) * 0x9E3779B97F4A7C15u;
  return static_cast<std::uint32_t>(mixed >> 44) << block_record::tag_shift |
         static_cast<std::uint32_t>(index) << block_record::index_shift;
}

inline block_record* records_of(slab& s) noexcept { return reinterpret_cast<block_record*>(&s + 1); }
inline const block_record* records_of(const slab& s) noexcept {
  return reinterpret_cast<const block_record*>(&s + 1);
}

/// Bytes of a slab's descriptor with its records.
constexpr std::size_t recorded_slab_bytes(std::size_t blocks) noexcept {
  return sizeof(slab) + blocks * sizeof(block_record);
}

inline std::size_t index_in(std::uint32_t state) noexcept { return state >> block_record::index_shift & 255; }
inline slab& slab_of(block_record& r, std::uint32_t state) noexcept {
  return *(reinterpret_cast<slab*>(&r - index_in(state)) - 1);
}
inline slab& slab_of(block_record& r) noexcept { return slab_of(r, r.state.load(std::memory_order_relaxed)); }

} // namespace quarry::detail
