// Where in the chunks that are there a slab is cut.
#include <algorithm>
#include <bit>
#include <cstdint>

#include "slab_source.hpp"

namespace quarry::detail {

namespace {

constexpr int tries_per_list = 8; // so that a search is bounded

constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
  return (value + unit - 1) & ~(unit - 1);
}

// Units where so many free ones begin, in a hole that has `left` more.
struct hole {
  std::size_t first = none;
  std::size_t left = none;
  static constexpr std::size_t none = 64;
};

// Bits where `count` free units begin at a multiple of `step`.
std::uint64_t starts_of(std::uint64_t free, std::size_t count, std::size_t step) noexcept {
  std::uint64_t starts = free;
  for (std::size_t done = 1; done < count;) { // starts: bits where `done` free units begin
    const std::size_t more = std::min(done, count - done);
    starts &= starts >> more;
    done += more;
  }
  constexpr std::uint64_t every[] = {~0ull,
                                     0x5555555555555555,
                                     0x1111111111111111,
                                     0x0101010101010101,
                                     0x0001000100010001,
                                     0x0000000100000001,
                                     1};
  return starts & every[std::countr_zero(step)];
}

// The smallest hole, of equals the lowest: large blocks need the others.
hole smallest_hole(std::uint64_t free, std::size_t count, std::size_t step) noexcept {
  hole best;
  for (std::uint64_t starts = starts_of(free, count, step); starts != 0;) {
    const auto first = static_cast<std::size_t>(std::countr_zero(starts));
    const auto before = static_cast<std::size_t>(std::countl_one(free << (63 - first))) - 1;
    const auto after = static_cast<std::size_t>(std::countr_one(free >> first));
    const std::size_t left = before + after - count;
    if (left < best.left) best = {first, left};
    if (first + after >= 64) break;
    starts &= ~std::uint64_t{0} << (first + after);
  }
  return best;
}

} // namespace

// In a list the hole that is filled best; but the fullest list where there is one.
slab_source::run slab_source::find_run(const wish& w, std::size_t lists) const noexcept {
  run found;
  const std::size_t first = bounded() ? chunk_lists::empty_ones : chunk_lists::list_for(w.least);
  for (std::size_t list = lists_.next(first); list < lists && found.in == nullptr;
       list = lists_.next(list + 1)) {
    int tries = tries_per_list;
    lists_[list].find([&](chunk& c) {
      if (c.bytes < w.least) return false; // one of the few small ones that a pool starts with
      if (bounded() && c.dedicated_to != w.c) return false;
      const run r = fit(c, w);
      if (r.in != nullptr && (found.in == nullptr || r.left < found.left)) found = r;
      return (found.in != nullptr && found.left == 0) || --tries == 0;
    });
  }
  return found;
}

// In the lowest chunk in use that has room, if it lies below `below` or that is null.
slab_source::run slab_source::find_lowest_run(const wish& w, const std::byte* below) const noexcept {
  run found;
  if (bounded()) return found; // a chunk has one slab
  if (recorded()) return find_run(w, chunk_lists::empty_ones);
  for (std::size_t list = lists_.next(chunk_lists::list_for(w.least)); list < chunk_lists::empty_ones;
       list = lists_.next(list + 1)) {
    int tries = tries_per_list;
    lists_[list].find([&](chunk& c) {
      if (below != nullptr && c.base >= below) return true;
      if (c.bytes < w.least) return false;
      const run r = fit(c, w);
      if (r.in == nullptr) return --tries == 0;
      found = r;
      below = c.base;
      return true;
    });
  }
  return found;
}

// The longest run up to what is wished that wastes least at its end.
slab_source::run slab_source::fit(chunk& c, const wish& w) const noexcept {
  if (bounded() && !c.empty()) return {};
  const std::size_t unit = c.unit_bytes();
  const std::size_t block = block_sizes[w.c];
  const std::size_t step = std::max<std::size_t>(1, natural_alignment_of(w.c) >> c.unit_shift);
  const std::size_t most = std::min<std::size_t>(static_cast<std::size_t>(std::popcount(c.free_units)),
                                                 round_up(w.bytes, unit) >> c.unit_shift);
  const std::size_t least = round_up(w.least, unit) >> c.unit_shift;
  run best;
  std::size_t best_waste = ~std::size_t{0};
  for (std::size_t units = most; units >= least && units > 0; --units) {
    const std::size_t bytes = units << c.unit_shift;
    if (bytes < block) break;
    const std::size_t waste = (bytes % block) * 64 / units;
    if (waste >= best_waste || (!w.wasteful && bytes % block > bytes / 16)) continue;
    const hole h = smallest_hole(c.free_units, units, step);
    if (h.first == hole::none) continue;
    best = {&c, h.first, units, h.left << c.unit_shift};
    best_waste = waste;
    if (waste == 0) break;
  }
  return best;
}

} // namespace quarry::detail
