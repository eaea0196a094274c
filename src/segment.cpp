#include <quarry/segment.hpp>

#include <stdexcept>

#include "segment_core.hpp"

namespace quarry::detail {

namespace {

segment_core& core_of(const segment_block& block) noexcept {
  return static_cast<segment_core&>(*block.front);
}

} // namespace

void segment_front::give_cold(block_record& record) noexcept {
  static_cast<segment_core&>(*this).deallocate(record);
}

bool hand_out_span(const segment_block& block) noexcept { return core_of(block).hand_out(*block.record); }

std::size_t region_id_of(const segment_block& block) noexcept {
  return core_of(block).region_id_of(*block.record);
}

std::size_t region_offset_of(const segment_block& block) noexcept {
  return core_of(block).region_offset_of(*block.record);
}

void throw_beyond_capacity() {
  throw std::length_error("quarry: a segment can't be larger than its capacity");
}

void throw_beyond_end() { throw std::out_of_range("quarry: a slice must lie in its segment"); }

} // namespace quarry::detail
