// Where the records of blocks lie, and how a block is freed by its address. Rung 1.
#pragma once

#include <cstddef>
#include <cstdint>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

#include "bits.hpp"
#include "slab.hpp"
#include <quarry/block_record.hpp>

namespace quarry::detail {

/// Whether the process has no other thread; as far as the C library tells.
inline bool only_thread() noexcept {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

/// Frees a block that was seen to be live, if it is as it was seen. True for one caller only. In a process of
/// one thread nobody can come between, and the locked instruction, which costs more than all the rest of a
/// free, is left out.
inline bool exchange_for_free(block_record& r, std::uint32_t seen) noexcept {
  if (!only_thread()) return r.state.compare_exchange(seen, block_record::free_of(seen));
  if (r.seen() != seen) return false;
  r.state.store_relaxed(block_record::free_of(seen));
  return true;
}

/// The state of a free block: `index` of the slab at `base` with blocks of class `c`.
inline std::uint32_t free_state(const std::byte* base, size_class c, std::size_t index) noexcept {
  const std::uint64_t mixed = scrambled(reinterpret_cast<std::uintptr_t>(base) + c);
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
/// How many blocks a descriptor of so many bytes has records for.
constexpr std::size_t recorded_blocks_in(std::size_t bytes) noexcept {
  return (bytes - sizeof(slab)) / sizeof(block_record);
}

inline std::size_t index_in(std::uint32_t state) noexcept { return state >> block_record::index_shift & 255; }
inline slab& slab_of(block_record& r, std::uint32_t state) noexcept {
  return *(reinterpret_cast<slab*>(&r - index_in(state)) - 1);
}
inline slab& slab_of(block_record& r) noexcept { return slab_of(r, r.seen()); }

} // namespace quarry::detail
