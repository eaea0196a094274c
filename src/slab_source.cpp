#include "slab_source.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <mutex>
#include <new>
#include <stdexcept>

namespace quarry::detail {

namespace {

constexpr std::size_t largest_small_slab = 65536;
constexpr std::size_t least_large_block = 2048;
constexpr std::size_t smallest_unit = std::size_t{1} << chunk::least_unit_shift;

// `bytes`, or some units more, up to twice as much, of which blocks leave at most a sixteenth unused.
std::size_t with_little_waste(std::size_t bytes, std::size_t block) noexcept {
  for (std::size_t more = bytes; bytes >= smallest_unit && more < 2 * bytes; more += smallest_unit)
    if (more % block <= more / 16) return more;
  return bytes;
}

} // namespace

// ---- taking

slab& slab_source::take(size_class c, std::size_t class_bytes) {
  wish w = wish_for(c, class_bytes);
  {
    const std::lock_guard guard(mutex_);
    if (slab* const s = try_take(w)) return *s;
  }
  const std::lock_guard growing(up_.mutex());
  for (std::size_t largest_chunk = limits_.largest_chunk;;) {
    std::size_t lacking = 0;
    {
      const std::lock_guard guard(mutex_);
      if (slab* const s = try_take(w, &lacking)) return *s;
    }
    try {
      grow(w, largest_chunk, lacking);
    } catch (const std::bad_alloc&) {
      if (recorded() && largest_chunk / 2 >= std::bit_ceil(std::size_t{block_sizes[c]})) {
        largest_chunk /= 2; // regions shrink to fit
        w.bytes = std::min(w.bytes, std::max<std::size_t>(block_sizes[c], largest_chunk));
        w.least = std::min(w.least, w.bytes);
        continue;
      }
      if (slab* const s = take_last(w, largest_chunk, lacking != 0)) return *s;
      throw;
    }
  }
}

// A sixth of what the class has, after a fall a sixteenth, for segments an eighth, up to a region: then the
// slab that is not full yet is a small part of it. Of large blocks as few as fill whole units: what is free
// among them is much.
slab_source::wish slab_source::wish_for(size_class c, std::size_t class_bytes) const noexcept {
  const std::size_t block = block_sizes[c];
  const std::size_t most =
      block * std::size_t{std::min<std::uint32_t>(limits_.blocks_per_slab, limits_.blocks_per_chunk)};
  const std::size_t parts = recorded() ? 8 : usage_.has_fallen() ? 16 : 6;
  const std::size_t share = std::clamp<std::size_t>(std::bit_floor(class_bytes / parts + 1), least_slab(),
                                                    recorded() ? limits_.largest_chunk : largest_small_slab);
  const std::size_t bytes = std::max(block, std::bit_floor(std::min(share, most))); // divides a chunk
  if (recorded()) return {c, bytes, std::max(block, bytes / 4)};
  if (block < least_large_block) return {c, with_little_waste(bytes, block), block};
  return {c, std::min(bytes, block * std::max<std::size_t>(1, smallest_unit / natural_alignment_of(c))),
          block};
}

slab* slab_source::take_below(const slab* above, size_class c, std::size_t class_bytes) noexcept {
  const wish w = wish_for(c, class_bytes);
  const std::lock_guard guard(mutex_);
  const std::byte* const below = above == nullptr ? nullptr : map_.chunk_of(above->base).base;
  return make(find_lowest_run(w, below), c, nullptr);
}

slab* slab_source::try_take(const wish& w, std::size_t* lacking) noexcept {
  run r;
  if (!recorded()) {
    wish thrifty = w;
    thrifty.wasteful = false;
    r = find_run(thrifty, chunk_lists::count);
  }
  if (r.in == nullptr) r = find_run(w, chunk_lists::count);
  return make(r, w.c, lacking);
}

std::size_t slab_source::blocks_in(const run& r, size_class c) const noexcept {
  return std::min<std::size_t>((r.units << r.in->unit_shift) / block_sizes[c],
                               std::min<std::uint32_t>(limits_.blocks_per_slab, limits_.blocks_per_chunk));
}

std::size_t slab_source::slab_bytes(std::size_t blocks) const noexcept {
  return recorded() ? recorded_slab_bytes(blocks) : sizeof(slab);
}

void* slab_source::take_slab_memory(std::size_t bytes) noexcept {
  if (recorded()) return limits_.recorded_slabs->take(bytes);
  void* const piece = slabs_.take();
  return piece != nullptr ? piece : take_from_bookkeeping(bytes);
}

bool slab_source::has_slab_memory(std::size_t bytes) const noexcept {
  if (recorded()) return limits_.recorded_slabs->has(bytes);
  return slabs_.has() || (uses_stores() ? bookkeeping_.has_again(bytes) : bookkeeping_.has(bytes));
}

void slab_source::give_slab_memory(slab& s) noexcept {
  if (recorded())
    limits_.recorded_slabs->give(&s, slab_bytes(s.blocks));
  else if (!slabs_.give(&s))
    bookkeeping_.give(&s, sizeof(slab));
}

// Null when there is no run, or no memory to describe a slab: then how much is lacking is said.
slab* slab_source::make(const run& r, size_class c, std::size_t* lacking) noexcept {
  if (r.in == nullptr) return nullptr;
  const std::size_t bytes = slab_bytes(blocks_in(r, c));
  void* piece = take_slab_memory(bytes);
  if (piece == nullptr && has_former(r, c)) {
    forget(*r.in, r.first, r.units);
    piece = take_slab_memory(bytes);
  }
  if (piece == nullptr && lacking != nullptr) *lacking = bytes;
  return piece == nullptr ? nullptr : &carve(r, *static_cast<slab*>(piece), c);
}

slab& slab_source::carve(const run& r, slab& s, size_class c) noexcept {
  chunk& in = *r.in;
  if (in.empty()) idle_ -= in.bytes;
  if (recorded()) forget(in, r.first, r.units);
  s.reset(in.base + (r.first << in.unit_shift), c, blocks_in(r, c));
  if (recorded())
    for (std::size_t i = 0; i < s.blocks; ++i)
      records_of(s)[i].set_free(s.base + i * block_sizes[c], free_state(s.base, c, i));
  in.mark(r.first, r.units, &s);
  in.free_units &= ~in.bits_of(r.first, r.units);
  free_ -= r.units << in.unit_shift;
  lists_.relist(in);
  note_idle();
  return s;
}

// Slabs that have come back and stayed in the slots of these units.
void slab_source::forget(chunk& c, std::size_t first_unit, std::size_t units) noexcept {
  for (std::size_t unit = first_unit; unit < first_unit + units; ++unit) {
    slab* const s = c.slots()[unit].load(std::memory_order_relaxed);
    if (s == nullptr) continue;
    const run r = run_of(c, *s);
    c.mark(r.first, r.units, nullptr);
    give_slab_memory(*s);
  }
}

} // namespace quarry::detail
