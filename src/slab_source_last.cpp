// What a slab source does when there is no more to be had: at a limit, or while upstream fails.
#include <mutex>

#include "slab_source.hpp"

namespace quarry::detail {

// When there is no more to be had: any room for a block; or, when what is lacking is memory to describe a
// slab where there is room, a region as small as can be, which may take less.
slab* slab_source::take_last(const wish& w, std::size_t chunk_bytes, bool room_lacks_description) {
  const wish modest{w.c, w.bytes, block_sizes[w.c]};
  for (const std::size_t chunks_before = chunk_count();;) {
    {
      const std::lock_guard guard(mutex_);
      if (slab* const s = take_anywhere(modest)) return s;
    }
    if (!recorded() || !room_lacks_description || chunk_count() > chunks_before) return nullptr;
    grow(modest, chunk_bytes, 0);
  }
}

slab* slab_source::take_anywhere(const wish& w) noexcept {
  if (slab* const s = make(find_describable(w), w.c, nullptr)) return s;
  return recorded() ? make(find_former(w.c), w.c, nullptr) : nullptr;
}

// Free units where a slab was whose description is as long as that of one of class `c` there: it is never
// lacking.
slab_source::run slab_source::find_former(size_class c) noexcept {
  run found;
  const auto has_one = [&](chunk& in) {
    for (std::size_t unit = 0; unit < in.units; ++unit) {
      slab* const former = in.slots()[unit].load(std::memory_order_relaxed);
      if (former == nullptr || (in.free_units >> unit & 1) == 0) continue;
      const run r = run_of(in, *former);
      std::byte* const base = former->base;
      const bool aligned = reinterpret_cast<std::uintptr_t>(base) % natural_alignment_of(c) == 0;
      const std::size_t blocks = blocks_in(r, c);
      if (!aligned || blocks == 0 || !described_alike(blocks, former->blocks)) continue;
      found = r;
      return true;
    }
    return false;
  };
  for (std::size_t list = lists_.next(0); list < chunk_lists::count && found.in == nullptr;
       list = lists_.next(list + 1))
    lists_[list].find(has_one);
  return found;
}

// Any room, where memory to describe the slab is at hand.
slab_source::run slab_source::find_describable(const wish& w) const noexcept {
  run found;
  for (std::size_t list = lists_.next(chunk_lists::list_for(w.least));
       list < chunk_lists::count && found.in == nullptr; list = lists_.next(list + 1))
    lists_[list].find([&](chunk& c) {
      if (bounded() && c.dedicated_to != w.c) return false;
      const run r = fit(c, w);
      if (r.in != nullptr && can_describe(r, w.c)) found = r;
      return found.in != nullptr;
    });
  return found;
}

// Whether a slab was in these units whose description may be that of one of class `c`. Others are not
// forgotten in vain: each is what find_former can make a slab of where it was.
bool slab_source::has_former(const run& r, size_class c) const noexcept {
  for (std::size_t unit = r.first; recorded() && unit < r.first + r.units; ++unit) {
    const slab* const former = r.in->slots()[unit].load(std::memory_order_relaxed);
    if (former != nullptr && described_alike(former->blocks, blocks_in(r, c))) return true;
  }
  return false;
}

bool slab_source::can_describe(const run& r, size_class c) const noexcept {
  return has_slab_memory(slab_bytes(blocks_in(r, c))) || has_former(r, c);
}

} // namespace quarry::detail
