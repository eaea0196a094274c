// A pool core from outside: its numbers, and whether all is in order.
#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "pool_core.hpp"

namespace quarry::detail {

pool_statistics pool_core::statistics(const std::array<std::size_t, size_class_count>& cached,
                                      size_class least) const noexcept {
  pool_statistics s;
  const std::array<std::size_t, size_class_count> kept_back = count_quarantine();
  std::array<std::size_t, size_class_count> in_nursery{}; // each is a slab of one block
  for_each_in_nursery([&](const std::byte*, size_class c, std::size_t) { ++in_nursery[c]; });
  for (size_class c = least; c < size_class_count; ++c) {
    const pool* const p = pools_.find(c);
    if (p == nullptr && block_sizes[c] > options_.largest_required_pool_block) continue;
    size_class_statistics& row = s.rows[s.row_count++];
    row.block_size = block_sizes[c];
    const pool::counts count = p == nullptr ? pool::counts{} : p->count();
    const std::size_t used = count.carved - count.free + in_nursery[c];
    row.slabs = count.slabs + in_nursery[c];
    row.blocks_free = count.free;
    row.blocks_cached = std::min(cached[c] + kept_back[c] + depots_.count(c), used);
    row.blocks_in_use = used - row.blocks_cached;
    s.slabs += row.slabs;
    s.bytes_free += row.blocks_free * row.block_size;
    s.bytes_cached += row.blocks_cached * row.block_size;
    s.bytes_in_use += row.blocks_in_use * row.block_size;
  }
  s.oversized_blocks = oversized_.blocks();
  s.oversized_bytes = oversized_.bytes();
  s.bytes_in_use += s.oversized_bytes;
  s.bytes_held = upstream_.held();
  s.peak_bytes_in_use = usage_.peak();
  s.chunks = source_.chunk_count();
  for_each_piece_of_nursery([&](const std::byte*, std::size_t) { ++s.chunks; });
  s.upstream_allocations = upstream_.allocations();
  s.upstream_deallocations = upstream_.deallocations();
  s.dropped_blocks = dropped_.load(std::memory_order_relaxed);
  return s;
}

void pool_core::check_invariants() const {
  source_.check_invariants();
  oversized_.check_invariants();
  check_quarantine();
  check_depots();
  check_nursery();
  pools_.check_invariants();
  // Another thread may be carrying a slab from one to the other: then it is looked at again.
  for (int tries = 2000; !slabs_agree(); std::this_thread::sleep_for(std::chrono::milliseconds(1)))
    if (tries-- == 0 || !shared_)
      throw std::logic_error("quarry: the slabs of the pools are not those of the chunks");
}

bool pool_core::slabs_agree() const noexcept {
  std::size_t slab_bytes = 0;
  for_each_slab([&](const slab&, std::size_t bytes) { slab_bytes += bytes; });
  return slab_bytes == source_.bytes_in_slabs();
}

void pool_core::check_depots() const {
  const char* wrong = nullptr;
  depots_.for_each_block([&](size_class c, void* block) {
    if (const char* const what = wrong_with_cached(c, block)) wrong = what;
  });
  if (wrong != nullptr) throw std::logic_error(wrong);
}

const char* pool_core::wrong_with_cached(size_class c, void* in_slot) const noexcept {
  const void* const block = recorded_ ? static_cast<block_record*>(in_slot)->address.load_relaxed() : in_slot;
  const pool* const p = pools_.find(c);
  if ((p != nullptr && p->uses(block)) || class_in_nursery(block) == c) return nullptr;
  return "quarry: a cached block is not one of its class that its slab has as used";
}

} // namespace quarry::detail
