// What a slab source does when there is no more to be had: at a limit, or while upstream fails.
#include <algorithm>
#include <bit>
#include <mutex>

#include "slab_source.hpp"

namespace quarry::detail {

// When there is no more to be had: any room for a block; or, when what is lacking is memory to describe a
// slab where there is room, a region as small as can be, which may take less.
slab* slab_source::take_last(const slab_wish& w, std::size_t chunk_bytes, bool room_lacks_description) {
  const slab_wish modest{w.c, w.bytes, block_sizes[w.c], w.by_waste};
  for (const std::size_t chunks_before = chunk_count();;) {
    {
      const std::lock_guard guard(mutex_);
      if (slab* const s = take_anywhere(modest)) return s;
    }
    if (!recorded() || !room_lacks_description || chunk_count() > chunks_before) return nullptr;
    grow(modest, chunk_bytes, 0);
  }
}

slab* slab_source::take_anywhere(const slab_wish& w) noexcept {
  if (slab* const s = make(find_describable(w), w.c, nullptr)) return s;
  if (!recorded()) return nullptr;
  if (slab* const s = make(find_former(w.c), w.c, nullptr)) return s;
  return take_described_otherwise(w);
}

// With a description that is longer than it need be, or with fewer blocks than there is room for: so that
// where an empty slab was there is room for any class.
slab* slab_source::take_described_otherwise(const slab_wish& w) noexcept {
  for (const std::uint64_t rooms : {rooms_in_use, empty_rooms})
    for (chunk* in = chunks_by_room_.first(rooms); in != nullptr; in = chunk_tree::next(*in, rooms)) {
      const run r = fit(*in, w);
      if (r.in == nullptr) continue;
      forget(*in, r.first, r.units);
      if (description_at_hand(r.blocks) == 0) forget_formers();
      const std::size_t list = description_at_hand(r.blocks);
      if (list == 0) return nullptr;
      auto& s = *static_cast<slab*>(limits_.recorded_slabs->take_of_list(list));
      const std::size_t described = recorded_blocks_in(bookkeeping::bytes_in(list));
      return &carve(run_at(*in, r.first, std::min<std::size_t>(r.blocks, described), w.c), s, w.c, list);
    }
  return nullptr;
}

// The list of the shortest free piece that describes so many blocks, else of the longest that does for one; 0
// when there is none.
std::size_t slab_source::description_at_hand(std::size_t blocks) const noexcept {
  const std::uint32_t lists = limits_.recorded_slabs->lists() >> list_for(1) << list_for(1);
  const std::uint32_t long_enough = lists >> list_for(blocks) << list_for(blocks);
  if (long_enough != 0) return static_cast<std::size_t>(std::countr_zero(long_enough));
  return lists == 0 ? 0 : static_cast<std::size_t>(std::bit_width(lists)) - 1;
}

// Slabs that have come back.
void slab_source::forget_formers() noexcept {
  for (chunk* c = chunks_by_room_.first(all_rooms); c != nullptr; c = chunk_tree::next(*c, all_rooms))
    for (std::size_t unit = 0; unit < c->units(); ++unit)
      if ((c->free_units >> unit & 1) != 0) forget(*c, unit, 1);
}

// Free units where a slab was whose description is as long as that of one of class `c` there: it is never
// lacking.
slab_source::run slab_source::find_former(size_class c) const noexcept {
  for (chunk* in = chunks_by_room_.first(all_rooms); in != nullptr; in = chunk_tree::next(*in, all_rooms))
    for (std::size_t unit = 0; unit < in->units(); ++unit) {
      slab* const former = in->slots()[unit].load(std::memory_order_relaxed);
      if (former == nullptr || (in->free_units >> unit & 1) == 0) continue;
      std::byte* const base = former->base;
      const bool aligned = reinterpret_cast<std::uintptr_t>(base) % natural_alignment_of(c) == 0;
      const run its = run_of(*in, *former);
      const std::size_t blocks = blocks_within(its.bytes(), c);
      if (!aligned || blocks == 0 || former->list != list_for(blocks)) continue;
      return run_at(*in, its.first, blocks, c);
    }
  return {};
}

// Any room, where memory to describe the slab is at hand.
slab_source::run slab_source::find_describable(const slab_wish& w) const noexcept {
  for (const std::uint64_t rooms : {rooms_in_use, empty_rooms})
    for (chunk* c = chunks_by_room_.first(rooms); c != nullptr; c = chunk_tree::next(*c, rooms)) {
      if (bounded() && (!c->empty() || c->dedicated_to != w.c)) continue;
      const run r = fit(*c, w);
      if (r.in != nullptr && can_describe(r)) return r;
    }
  return {};
}

// Whether a slab was in these units whose description may be that of one of class `c`. Others are not
// forgotten in vain: each is what find_former can make a slab of where it was.
bool slab_source::has_former(const run& r) const noexcept {
  for (std::size_t unit = r.first; recorded() && unit < r.first + r.units; ++unit) {
    const slab* const former = r.in->slots()[unit].load(std::memory_order_relaxed);
    if (former != nullptr && former->list == list_for(r.blocks)) return true;
  }
  return false;
}

bool slab_source::can_describe(const run& r) const noexcept {
  return has_slab_memory(slab_bytes(r.blocks)) || has_former(r);
}

} // namespace quarry::detail
