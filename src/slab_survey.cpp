#include "slab_survey.hpp"

#include <algorithm>
#include <utility>

#include "bits.hpp"
#include "block_record.hpp"

namespace quarry::detail {

namespace {

bool test(const std::array<std::uint64_t, 4>& bits, std::size_t i) noexcept {
  return (bits[i / 64] >> (i % 64) & 1) != 0;
}

bool lies_below(const std::byte* address, const auto& item) noexcept { return is_below(address, item.base); }

// Of items by address: the last that begins at `address` or below it, or null.
template <class Item>
Item* find(std::vector<Item>& items, const std::byte* address) noexcept {
  const auto above = std::upper_bound(items.begin(), items.end(), address, lies_below<Item>);
  return above == items.begin() ? nullptr : &*(above - 1);
}

template <class Item>
void sort_by_address(std::vector<Item>& items) {
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return is_below(a.base, b.base); });
}

void mark_cached(std::vector<surveyed_slab>& slabs, const void* block) noexcept {
  const auto* const address = static_cast<const std::byte*>(block);
  surveyed_slab* const s = find(slabs, address);
  if (s == nullptr) return;
  const std::size_t index = static_cast<std::size_t>(address - s->base) / block_sizes[s->c];
  if (index < s->blocks) s->cached[index / 64] |= std::uint64_t{1} << (index % 64);
}

void mark_cached_by_records(surveyed_slab& copy, const slab& s) noexcept {
  for (std::size_t i = 0; i < copy.blocks; ++i)
    if (!s.is_free(i) && !records_of(s)[i].is_live()) copy.cached[i / 64] |= std::uint64_t{1} << (i % 64);
}

void count(pool_statistics& s, const std::vector<surveyed_slab>& slabs) noexcept {
  std::array<size_class_statistics, size_class_count> counted{};
  for (const surveyed_slab& each : slabs) {
    size_class_statistics& row = counted[each.c];
    const auto blocks = each.count();
    ++row.slabs;
    row.blocks_in_use += blocks[std::size_t(block_state::used)];
    row.blocks_cached += blocks[std::size_t(block_state::cached)];
    row.blocks_free += blocks[std::size_t(block_state::free)] + blocks[std::size_t(block_state::untouched)];
  }
  for (std::size_t i = 0; i < s.row_count; ++i) {
    const std::size_t block_size = s.rows[i].block_size;
    s.rows[i] = counted[size_class_of(block_size, 1)];
    s.rows[i].block_size = block_size;
  }
  s.slabs = slabs.size();
  s.bytes_in_use = s.oversized_bytes;
  s.bytes_cached = s.bytes_free = 0;
  for (const size_class_statistics& row : s.classes()) {
    s.bytes_in_use += row.blocks_in_use * row.block_size;
    s.bytes_cached += row.blocks_cached * row.block_size;
    s.bytes_free += row.blocks_free * row.block_size;
  }
}

} // namespace

block_state surveyed_slab::state_of(std::size_t block) const noexcept {
  if (test(free, block)) return block < touched ? block_state::free : block_state::untouched;
  return test(cached, block) ? block_state::cached : block_state::used;
}

std::array<std::size_t, block_state_count> surveyed_slab::count() const noexcept {
  std::array<std::size_t, block_state_count> counts{};
  for (std::size_t i = 0; i < blocks; ++i) ++counts[std::size_t(state_of(i))];
  return counts;
}

std::vector<surveyed_slab> copy_slabs(const pool_core& core, bool with_records) {
  return copy_all<surveyed_slab>([&](surveyed_slab* out, std::size_t room) {
    std::size_t seen = 0;
    core.for_each_slab([&](const slab& s, std::size_t bytes) {
      if (seen < room) out[seen] = {s.base, bytes, s.block_class(), 0, s.blocks, s.touched, s.free, {}};
      if (seen < room && with_records) mark_cached_by_records(out[seen], s);
      ++seen;
    });
    core.for_each_in_nursery([&](const std::byte* block, size_class c, std::size_t bytes) {
      if (seen < room) out[seen] = {block, bytes, c, 0, 1, 1, {}, {}};
      ++seen;
    });
    return seen;
  });
}

std::vector<surveyed_chunk> copy_chunks(const pool_core& core) {
  return copy_all<surveyed_chunk>([&](surveyed_chunk* out, std::size_t room) {
    std::size_t seen = 0;
    core.for_each_chunk([&](const chunk& c) {
      if (seen < room) out[seen] = {c.base, c.bytes};
      ++seen;
    });
    core.for_each_piece_of_nursery([&](const std::byte* memory, std::size_t bytes) {
      if (seen < room) out[seen] = {memory, bytes};
      ++seen;
    });
    return seen;
  });
}

slab_survey assemble(std::vector<surveyed_slab> slabs, std::vector<surveyed_chunk> chunks,
                     const std::vector<const void*>& cached, const pool_statistics& statistics,
                     std::vector<named_number> options) {
  sort_by_address(slabs);
  sort_by_address(chunks);
  // A chunk that went upstream between the two looks has taken its slabs along.
  std::erase_if(slabs, [&](surveyed_slab& s) {
    const surveyed_chunk* const in = find(chunks, s.base);
    if (in == nullptr || static_cast<std::size_t>(s.base - in->base) >= in->bytes) return true;
    s.chunk = static_cast<std::size_t>(in - chunks.data());
    return false;
  });
  for (const void* block : cached) mark_cached(slabs, block);
  slab_survey result{statistics, std::move(options), std::move(chunks), std::move(slabs)};
  count(result.statistics, result.slabs);
  result.statistics.chunks = result.chunks.size();
  return result;
}

} // namespace quarry::detail
