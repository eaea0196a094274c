#include "slab_source.hpp"

#include <algorithm>
#include <bit>
#include <mutex>
#include <new>
#include <span>

#include "bits.hpp"
#include "prefault.hpp"

namespace quarry::detail {

namespace {

constexpr std::size_t least_large_block = 2048;
constexpr std::size_t most_of_large = 16384;  // bytes of a slab
constexpr std::size_t least_small_slab = 256; // less than a unit where many classes shall share a small chunk

} // namespace

// ---- taking

slab& slab_source::take(size_class c, std::size_t class_bytes) {
  slab_wish w = wish_for(c, class_bytes);
  if (slab* const s = try_take(w)) return *s;
  std::unique_lock growing(up_.mutex());
  std::span<std::byte> fresh; // a chunk that was obtained for the slab
  for (std::size_t largest_chunk = limits_.largest_chunk;;) {
    std::size_t lacking = 0;
    if (slab* const s = try_take(w, &lacking)) {
      growing.unlock(); // while the system clears the pages, others may go upstream
      if (is_within(s->base, fresh.data(), fresh.size())) prefault(fresh.data(), fresh.size());
      return *s;
    }
    try {
      if (const auto memory = grow(w, largest_chunk, lacking); !memory.empty()) fresh = memory;
    } catch (...) {
      if (shrink(w, largest_chunk)) continue;
      if (slab* const last = take_last(w, largest_chunk, lacking != 0)) return *last;
      throw;
    }
  }
}

// Regions shrink to fit: half as large a chunk, and no larger slab than that. False when a block would not
// fit.
bool slab_source::shrink(slab_wish& w, std::size_t& largest_chunk) const noexcept {
  if (!recorded() || largest_chunk / 2 < std::bit_ceil(std::size_t{block_sizes[w.c]})) return false;
  largest_chunk /= 2;
  w.bytes = std::min(w.bytes, largest_chunk);
  w.least = std::min(w.least, w.bytes);
  return true;
}

// A sixth of what the class has, after a fall a sixteenth: then the slab that is not full yet is a small part
// of it; in a small pool a half. Of large blocks as few as fill whole units: what is free among them is much;
// where there are many a thirty-second of them.
slab_wish slab_source::wish_for(size_class c, std::size_t class_bytes) const noexcept {
  const std::size_t block = block_sizes[c];
  if (recorded()) return wish_for_segments(c, class_bytes);
  if (block >= least_large_block && block % kib == 0) {
    const std::size_t share = std::min({class_bytes / 32, most_of_large, block * most_blocks()});
    const std::size_t bytes = std::max(block, share / block * block);
    return {c, bytes, block, block <= largest_small_slab};
  }
  const std::size_t share = class_bytes / (usage_.is_small() ? 2 : usage_.has_fallen() ? 16 : 6);
  const std::size_t power = power_within(share, block, least_small_slab, largest_small_slab);
  if (power < kib) return {c, std::max(block, power), block, true};
  const std::size_t wished = with_little_waste(power, c);
  if (block < least_large_block) return {c, wished, block, true};
  return {c, std::min(wished, block * (kib / natural_alignment_of(c))), block, true};
}

// An eighth, up to a region.
slab_wish slab_source::wish_for_segments(size_class c, std::size_t class_bytes) const noexcept {
  const std::size_t least = std::size_t{1} << chunk::unit_shift_of(limits_.largest_chunk);
  const std::size_t block = block_sizes[c];
  const std::size_t bytes =
      std::max(block, power_within(class_bytes / 8, block, least, limits_.largest_chunk));
  return {c, bytes, std::max(block, bytes / 4), false};
}

// The largest power of two up to `share`, for it divides a chunk; but no more than a slab may have.
std::size_t slab_source::power_within(std::size_t share, std::size_t block, std::size_t least,
                                      std::size_t most) const noexcept {
  const std::size_t within = std::min(std::clamp(share + 1, least, most), block * most_blocks());
  return std::bit_floor(within);
}

slab* slab_source::take_below(const slab* above, size_class c, std::size_t class_bytes) noexcept {
  const slab_wish w = wish_for(c, class_bytes);
  const std::lock_guard guard(mutex_);
  const std::byte* const below = above == nullptr ? nullptr : map_.chunk_of(above->base).base;
  return make(find_lowest_run(w, below), c, nullptr);
}

slab* slab_source::try_take(const slab_wish& w, std::size_t* lacking) noexcept {
  const std::lock_guard guard(mutex_);
  return make(find_run(w), w.c, lacking);
}

std::size_t slab_source::slab_bytes(std::size_t blocks) const noexcept {
  return recorded() ? recorded_slab_bytes(blocks) : sizeof(slab);
}

void* slab_source::take_slab_memory(std::size_t bytes) noexcept {
  if (recorded()) return limits_.recorded_slabs->take(bytes);
  void* const piece = take_from_bookkeeping(bytes);
  return piece != nullptr ? piece : slabs_.take();
}

bool slab_source::has_slab_memory(std::size_t bytes) const noexcept {
  if (recorded()) return limits_.recorded_slabs->has(bytes);
  return slabs_.has() || (uses_stores() ? bookkeeping_.has_again(bytes) : bookkeeping_.has(bytes));
}

void slab_source::give_slab_memory(slab& s) noexcept {
  if (recorded())
    limits_.recorded_slabs->give_to_list(s.list, &s);
  else if (!slabs_.give(&s))
    bookkeeping_.give(&s, sizeof(slab));
}

// Null when there is no run, or no memory to describe a slab: then how much is lacking is said.
slab* slab_source::make(const run& r, size_class c, std::size_t* lacking) noexcept {
  if (r.in == nullptr) return nullptr;
  const std::size_t bytes = slab_bytes(r.blocks);
  void* piece = take_slab_memory(bytes);
  if (piece == nullptr && has_former(r)) {
    forget(*r.in, r.first, r.units);
    piece = take_slab_memory(bytes);
  }
  if (piece == nullptr && lacking != nullptr) *lacking = bytes;
  return piece == nullptr ? nullptr : &carve(r, *static_cast<slab*>(piece), c, list_for(r.blocks));
}

slab& slab_source::carve(const run& r, slab& s, size_class c, std::size_t list) noexcept {
  chunk& in = *r.in;
  if (in.empty()) idle_ -= in.bytes;
  if (recorded()) forget(in, r.first, r.units);
  s.reset(in.base + (std::size_t{r.first} << in.unit_shift), c, r.blocks);
  s.list = static_cast<std::uint8_t>(list) & 31;
  if (recorded())
    for (std::size_t i = 0; i < s.blocks; ++i)
      records_of(s)[i].set_free(s.base + i * block_sizes[c], free_state(s.base, c, i));
  in.mark(r.first, r.units, &s);
  in.take_units(r.first, r.units);
  free_ -= r.bytes();
  chunks_by_room_.update(in);
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
