#include <quarry/segment.hpp>

#include <stdexcept>

#include "segment_core.hpp"

namespace quarry::detail {

void give_back(const segment_block& block) noexcept { block.core->deallocate(block); }

void hand_out_span(const segment_block& block) noexcept {
  block.record->change_holder(block_holder::handle, block_holder::span);
}

void start_sharing(const segment_block& block) noexcept {
  block.record->shares.store(1, std::memory_order_relaxed);
}

void add_share(const segment_block& block) noexcept {
  block.record->shares.fetch_add(1, std::memory_order_relaxed);
}

// The last one alone need not count: nobody else can.
void drop_share(const segment_block& block) noexcept {
  std::atomic<std::uint32_t>& shares = block.record->shares;
  if (shares.load(std::memory_order_acquire) == 1 || shares.fetch_sub(1, std::memory_order_acq_rel) == 1)
    block.core->deallocate(block);
}

std::size_t region_id_of(const segment_block& block) noexcept {
  return block.core->region_id_of(*block.record);
}

std::size_t region_offset_of(const segment_block& block) noexcept {
  return block.core->region_offset_of(*block.record);
}

void throw_beyond_capacity() {
  throw std::length_error("quarry: a segment can't be larger than its capacity");
}

void throw_beyond_end() { throw std::out_of_range("quarry: a slice must lie in its segment"); }

} // namespace quarry::detail
