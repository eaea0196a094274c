// What lies where in a pool, block by block: a copy to look at. Rung 6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pool_core.hpp"
#include <quarry/statistics.hpp>

namespace quarry::detail {

enum class block_state : std::uint8_t {
  used,     // a caller has it
  cached,   // free, in a magazine or a depot, or kept back while memory is poisoned
  free,     // free, in the slab, handed out before
  untouched // never handed out
};
inline constexpr std::size_t block_state_count = 4;

// Block i lies at base + i · block_size_of(c). What blocks don't fill of `bytes` is the slab's tail. A block
// in the nursery is a slab of its own.
struct surveyed_slab {
  const std::byte* base;
  std::size_t bytes;
  size_class c;
  std::size_t chunk; // index into slab_survey::chunks
  std::size_t blocks;
  std::size_t touched;
  std::array<std::uint64_t, 4> free;
  std::array<std::uint64_t, 4> cached;

  block_state state_of(std::size_t block) const noexcept;
  std::array<std::size_t, block_state_count> count() const noexcept; ///< blocks by state
};

struct surveyed_chunk {
  const std::byte* base;
  std::size_t bytes;
};

struct named_number {
  std::string_view name;
  std::size_t value;
};

// When no other thread is inside a call on the pool, everything fits together. Else each slab is as it was at
// some time during the survey; but `statistics` counts the blocks of the very slabs that are here, so that
// for each class in use + cached + free = Σ blocks, free with untouched.
struct slab_survey {
  pool_statistics statistics;
  std::vector<named_number> options;
  std::vector<surveyed_chunk> chunks; // by address
  std::vector<surveyed_slab> slabs;   // by address
};

/// Copies all items that `visit(out, room)` writes and counts, in as many visits as it takes: visits lock,
/// and memory is obtained in between only, since operator new may lead back into the pool.
template <class Item, class Visit>
std::vector<Item> copy_all(Visit visit) {
  std::vector<Item> items;
  for (;;) {
    const std::size_t count = visit(items.data(), items.size());
    const bool complete = count <= items.size();
    items.resize(complete ? count : count + count / 8);
    if (complete) return items;
  }
}

/// `with_records`: block records say which blocks lie in magazines.
std::vector<surveyed_slab> copy_slabs(const pool_core& core, bool with_records);
std::vector<surveyed_chunk> copy_chunks(const pool_core& core);

/// Puts the pieces together. `cached` are the addresses of the blocks in magazines.
slab_survey assemble(std::vector<surveyed_slab> slabs, std::vector<surveyed_chunk> chunks,
                     const std::vector<const void*>& cached, const pool_statistics& statistics,
                     std::vector<named_number> options);

/// `list_cached` does as magazine_set::list_blocks. Throws std::bad_alloc.
template <class ListCached>
slab_survey take_survey(const pool_core& core, const pool_statistics& statistics, ListCached list_cached) {
  auto cached = copy_all<const void*>(list_cached);
  const auto kept_back = copy_all<const void*>(
      [&](const void** out, std::size_t room) { return core.list_quarantine(out, room); });
  cached.insert(cached.end(), kept_back.begin(), kept_back.end());
  const auto in_depots = copy_all<const void*>(
      [&](const void** out, std::size_t room) { return core.depots().list(out, room); });
  cached.insert(cached.end(), in_depots.begin(), in_depots.end());
  return assemble(copy_slabs(core, false), copy_chunks(core), cached, statistics,
                  {{"max_blocks_per_chunk", core.options().max_blocks_per_chunk},
                   {"largest_required_pool_block", core.options().largest_required_pool_block}});
}

/// How the reports, which are no part of a pool, get its survey.
struct surveyor {
  template <class Pool>
  static slab_survey survey(const Pool& pool) {
    return pool.survey();
  }
};

} // namespace quarry::detail
