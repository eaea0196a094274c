// A slab source seen from outside: what lies where, and whether its equations hold.
#include <mutex>
#include <stdexcept>

#include "bits.hpp"
#include "slab_source.hpp"

namespace quarry::detail {

std::size_t slab_source::bytes_of(const slab& s) const noexcept {
  const std::lock_guard guard(mutex_);
  chunk& c = map_.chunk_of(s.base);
  return run_of(c, s).bytes();
}

slab* slab_source::slab_above(const void* address, size_class c) const noexcept {
  const std::lock_guard guard(mutex_);
  for (const chunk* in = chunks_by_room_.reaching_above(address); in != nullptr;
       in = chunk_tree::next(*in, all_rooms)) {
    const bool inside = !is_below(address, in->base);
    const auto skipped =
        inside ? static_cast<std::size_t>(static_cast<const std::byte*>(address) - in->base) : 0;
    for (std::size_t unit = skipped >> in->unit_shift; unit < in->units(); ++unit) {
      if ((in->free_units >> unit & 1) != 0) continue;
      slab* const s = in->slots()[unit].load(std::memory_order_relaxed);
      if (is_below(address, s->base) && s->block_class() == c && s->shelf != slab::no_shelf) return s;
    }
  }
  return nullptr;
}

std::size_t slab_source::bytes_in_slabs() const noexcept {
  std::size_t bytes = 0;
  for_each_chunk([&](const chunk& c) { bytes += c.bytes - c.free_bytes(); });
  return bytes;
}

void slab_source::check_invariants() const {
  const std::lock_guard guard(mutex_);
  slabs_.check_invariants();
  chunk_descriptors_.check_invariants();
  std::size_t idle = 0, free = 0, chunks = 0;
  chunks_by_room_.check_invariants();
  chunks_by_room_.for_each([&](const chunk& c) {
    ++chunks;
    if (c.empty()) idle += c.bytes;
    free += c.free_bytes();
    if ((c.units() << c.unit_shift) != c.bytes)
      throw std::logic_error("quarry: a chunk's units are not its bytes");
    for (std::size_t unit = 0; unit < c.units(); ++unit) check_unit(c, unit);
  });
  if (idle != idle_ || free != free_) throw std::logic_error("quarry: idle bytes are miscounted");
  if (chunks != chunk_count()) throw std::logic_error("quarry: chunks are miscounted");
}

void slab_source::check_unit(const chunk& c, std::size_t unit) const {
  const slab* const s = c.slots()[unit].load(std::memory_order_relaxed);
  const bool is_free = (c.free_units >> unit & 1) != 0;
  if (recorded() ? s == nullptr && !is_free : (s == nullptr) != is_free)
    throw std::logic_error("quarry: a unit is neither free nor a slab's, or both");
  if (&map_.chunk_of(c.base + (unit << c.unit_shift)) != &c)
    throw std::logic_error("quarry: an address leads to another chunk");
  if (s == nullptr) return;
  const std::byte* const address = c.base + (unit << c.unit_shift);
  if (address < s->base || s->base < c.base || s->block_class() >= size_class_count)
    throw std::logic_error("quarry: a unit's slab is not where the unit is");
}

} // namespace quarry::detail
