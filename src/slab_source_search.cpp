// Where in the chunks that are there a slab is cut.
#include <algorithm>
#include <bit>
#include <cstdint>

#include "bits.hpp"
#include "slab_source.hpp"

namespace quarry::detail {

namespace {

constexpr int most_tries = 8; // of fitting a slab into a chunk

constexpr std::size_t no_unit = 64;

// Bits where `count` free units begin at an address that is a multiple of `step` units.
std::uint64_t starts_of(const chunk& c, std::size_t count, std::size_t step) noexcept {
  const std::uint64_t starts = runs_of(c.free_units, count);
  constexpr std::uint64_t every[] = {~0ull,
                                     0x5555555555555555,
                                     0x1111111111111111,
                                     0x0101010101010101,
                                     0x0001000100010001,
                                     0x0000000100000001,
                                     1};
  const std::size_t first = -(reinterpret_cast<std::uintptr_t>(c.base) >> c.unit_shift) % step;
  return step == 1 ? starts : starts & every[std::countr_zero(step)] << first;
}

// Where in the smallest hole so many units begin, of equals in the lowest: large blocks need the others.
std::size_t smallest_hole(const chunk& c, std::size_t count, std::size_t step) noexcept {
  std::size_t best = no_unit, best_length = no_unit + 1;
  std::uint64_t rest = c.free_units;
  for (std::uint64_t starts = starts_of(c, count, step); starts != 0 && best_length != count;
       starts &= rest) {
    const auto first = static_cast<std::size_t>(std::countr_zero(starts));
    const std::size_t length = c.hole_around(first);
    if (length < best_length) {
      best = first;
      best_length = length;
    }
    rest &= rest + (std::uint64_t{1} << first); // without the rest of this hole
  }
  return best;
}

} // namespace

// Chunks in use first, so that empty ones may go; but where little is wasted before where much is. Among
// those in use less than the best length will do, too: small holes are filled, lest only they are left for
// large blocks.
slab_source::run slab_source::find_run(const slab_wish& w) const noexcept {
  if (bounded()) return find_dedicated(w);
  const std::uint64_t rooms = chunks_by_room_.rooms();
  const std::size_t in_use = w.length_within(longest_in(rooms & rooms_in_use));
  const auto empty_wastes_less = [&] {
    return !w.is_thrifty(in_use) && w.is_thrifty(w.length_within(longest_in(rooms & empty_rooms)));
  };
  if (in_use == 0 || empty_wastes_less()) return find_empty_run(w);
  for (const std::size_t length : {w.least_within(in_use), in_use + natural_alignment_of(w.c)})
    if (const run r = find_best_run(w, rooms_in_use_from(length)); r.in != nullptr) return r;
  return find_empty_run(w);
}

slab_source::run slab_source::find_empty_run(const slab_wish& w) const noexcept {
  const std::size_t length = w.length_within(longest_in(chunks_by_room_.rooms() & empty_rooms));
  if (length == 0) return {};
  return find_best_run(w, empty_rooms_from(length));
}

// In the first of these kinds of room where a slab fits.
slab_source::run slab_source::find_best_run(const slab_wish& w, std::uint64_t rooms) const noexcept {
  int tries = most_tries;
  for (rooms &= chunks_by_room_.rooms(); rooms != 0; rooms &= rooms - 1) {
    const std::uint64_t room = rooms & (~rooms + 1);
    for (chunk* c = chunks_by_room_.first(room); c != nullptr; c = chunk_tree::next(*c, room)) {
      if (c->longest_bytes() < w.least) continue; // kinds are not exact
      if (const run r = fit(*c, w); r.in != nullptr || --tries == 0) return r;
    }
  }
  return {};
}

// A chunk that has had no slab since it was last empty, where each has one.
slab_source::run slab_source::find_dedicated(const slab_wish& w) const noexcept {
  for (chunk* c = chunks_by_room_.first(empty_rooms); c != nullptr; c = chunk_tree::next(*c, empty_rooms)) {
    if (c->dedicated_to != w.c) continue;
    if (const run r = fit(*c, w); r.in != nullptr) return r;
  }
  return {};
}

// In the lowest chunk in use that has room, if it lies below `below` or that is null. Where that is not found
// soon, in the lowest where it is certain to fit.
slab_source::run slab_source::find_lowest_run(const slab_wish& w, const std::byte* below) const noexcept {
  if (bounded()) return {}; // a chunk has one slab
  for (const std::uint64_t rooms :
       {rooms_in_use_from(w.least), rooms_in_use_beyond(w.least + natural_alignment_of(w.c))}) {
    int tries = most_tries;
    for (chunk* c = chunks_by_room_.first(rooms); c != nullptr && tries-- != 0;
         c = chunk_tree::next(*c, rooms)) {
      if (below != nullptr && c->base >= below) break;
      if (const run r = fit(*c, w); r.in != nullptr) return r;
    }
  }
  return {};
}

// Of the lengths up to what is wished the one that wastes least, in the smallest hole.
slab_source::run slab_source::fit(chunk& c, const slab_wish& w) const noexcept {
  const std::size_t block = block_sizes[w.c];
  // What a single large block made necessary may have room for more blocks than are allowed in one.
  if (c.bytes > limits_.largest_chunk && c.bytes / block > limits_.blocks_per_chunk) return {};
  const std::size_t step = std::max<std::size_t>(1, natural_alignment_of(w.c) >> c.unit_shift);
  const bool has_table = w.by_waste && c.unit_shift == chunk::least_unit_shift;
  for (std::size_t most = std::min<std::size_t>(c.longest, c.units_for(w.bytes));;) {
    const std::size_t units = has_table ? lengths_of_slabs[w.c].best[most]
                                        : best_units(block, c.unit_shift, c.units_for(w.least), most);
    if (units == 0) return {};
    const std::size_t first = smallest_hole(c, units, step);
    if (first != no_unit) return run_at(c, first, blocks_within(units << c.unit_shift, w.c), w.c);
    most = units - 1;
  }
}

} // namespace quarry::detail
