#include "slab_source.hpp"

#include <algorithm>
#include <bit>
#include <mutex>
#include <new>
#include <stdexcept>

namespace quarry::detail {

namespace {

constexpr std::size_t largest_small_slab = 65536;
constexpr int tries_per_list = 4; // so that a search is bounded

std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
  return (value + unit - 1) & ~(unit - 1);
}

// The lowest unit where `count` free ones begin at a multiple of `step`, or 64.
std::size_t find_units(std::uint64_t free, std::size_t count, std::size_t step) noexcept {
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
  return static_cast<std::size_t>(std::countr_zero(starts & every[std::countr_zero(step)]));
}

} // namespace

// ---- taking

slab& slab_source::take(size_class c, std::size_t class_bytes) {
  const wish w = wish_for(c, class_bytes);
  {
    const std::lock_guard guard(mutex_);
    if (slab* const s = try_take(w)) return *s;
  }
  const std::lock_guard growing(up_.mutex());
  for (;;) {
    {
      const std::lock_guard guard(mutex_);
      if (slab* const s = try_take(w)) return *s;
    }
    grow(w);
  }
}

// An eighth of what the class has: then the slab that is not full yet is a small part of it.
slab_source::wish slab_source::wish_for(size_class c, std::size_t class_bytes) const noexcept {
  const std::size_t block = block_sizes[c];
  const std::size_t most = block * std::min(slab::most_blocks, limits_.blocks_per_chunk);
  const std::size_t share =
      std::clamp<std::size_t>(std::bit_floor(class_bytes / 8 + 1), 256, largest_small_slab);
  const std::size_t bytes = std::max(block, std::bit_floor(std::min(share, most))); // divides a chunk
  return {c, bytes, std::max(block, bytes / 4)};
}

slab* slab_source::take_from_chunks_in_use(size_class c, std::size_t class_bytes) noexcept {
  const wish w = wish_for(c, class_bytes);
  const std::lock_guard guard(mutex_);
  return try_take(w, empty_list);
}

slab* slab_source::try_take(const wish& w, std::size_t lists) noexcept {
  const run r = find_run(w, lists);
  if (r.in == nullptr) return nullptr;
  void* const piece = bookkeeping_.take(sizeof(slab));
  return piece == nullptr ? nullptr : &carve(r, *::new (piece) slab, w);
}

slab_source::run slab_source::find_run(const wish& w, std::size_t lists) const noexcept {
  run found;
  for (std::size_t list = static_cast<std::size_t>(std::bit_width(w.least / 64)); list < lists; ++list) {
    int tries = tries_per_list;
    lists_[list].find([&](chunk& c) {
      if (c.bytes < w.least) return false; // one of the few small ones that a pool starts with
      if (bounded() && c.dedicated_to != w.c) return false;
      found = fit(c, w);
      return found.in != nullptr || --tries == 0;
    });
    if (found.in != nullptr) break;
  }
  return found;
}

// The longest run up to what is wished that wastes least at its end.
slab_source::run slab_source::fit(chunk& c, const wish& w) const noexcept {
  if (bounded() && !c.empty()) return {};
  const std::size_t unit = c.unit_bytes();
  const std::size_t block = block_sizes[w.c];
  const std::size_t step = std::max<std::size_t>(1, natural_alignment_of(w.c) >> c.unit_shift);
  const std::size_t most = std::min<std::size_t>(c.units, round_up(w.bytes, unit) >> c.unit_shift);
  const std::size_t least = round_up(w.least, unit) >> c.unit_shift;
  run best;
  std::size_t best_waste = ~std::size_t{0};
  for (std::size_t units = most; units >= least && units > 0; --units) {
    const std::size_t bytes = units << c.unit_shift;
    if (bytes < block) break;
    const std::size_t waste = (bytes % block) * 64 / units;
    if (waste >= best_waste) continue;
    const std::size_t first = find_units(c.free_units, units, step);
    if (first == 64) continue;
    best = {&c, first, units};
    best_waste = waste;
    if (waste == 0) break;
  }
  return best;
}

slab& slab_source::carve(const run& r, slab& s, const wish& w) noexcept {
  chunk& c = *r.in;
  if (c.empty()) idle_ -= c.bytes;
  const std::size_t fitting = (r.units << c.unit_shift) / block_sizes[w.c];
  s.reset(c.base + (r.first << c.unit_shift), w.c,
          std::min({fitting, slab::most_blocks, limits_.blocks_per_chunk}));
  c.mark(r.first, r.units, &s);
  free_ -= r.units << c.unit_shift;
  relist(c);
  note_idle();
  return s;
}

// ---- giving back

void slab_source::give(slab* first) noexcept {
  const std::lock_guard guard(mutex_);
  while (first != nullptr) {
    slab& s = *first;
    first = s.left;
    return_units(s);
  }
  note_idle();
}

void slab_source::give_surplus() noexcept {
  chunk* surplus[2] = {};
  {
    const std::lock_guard guard(mutex_);
    for (chunk*& c : surplus) {
      c = remove_surplus(retention_.allowance());
      if (c != nullptr) retention_.given_back(c->bytes);
    }
  }
  for (chunk* c : surplus)
    if (c != nullptr) give_upstream(*c);
}

slab_source::run slab_source::run_of(chunk& c, const slab& s) noexcept {
  run r{&c, static_cast<std::size_t>(s.base - c.base) >> c.unit_shift, 1};
  const unsigned shift = c.unit_shift - c.slot_shift;
  while (r.first + r.units < c.units &&
         c.slots()[(r.first + r.units) << shift].load(std::memory_order_relaxed) == &s)
    ++r.units;
  return r;
}

void slab_source::return_units(slab& s) noexcept {
  chunk& c = map_.chunk_of(s.base);
  const run r = run_of(c, s);
  c.mark(r.first, r.units, nullptr);
  free_ += r.units << c.unit_shift;
  relist(c);
  if (c.empty()) idle_ += c.bytes;
  s.class_index.store(slab::no_class, std::memory_order_release);
  bookkeeping_.give(&s, sizeof(slab));
}

bool slab_source::has_surplus(std::size_t allowed) const noexcept {
  const chunk* const c = lists_[empty_list].highest();
  return c != nullptr && idle_ > allowed && idle_ - c->bytes >= allowed;
}

chunk* slab_source::remove_surplus(std::size_t allowed) noexcept {
  if (!has_surplus(allowed)) return nullptr;
  chunk* const c = lists_[empty_list].highest();
  lists_[empty_list].erase(*c);
  map_.erase(*c);
  idle_ -= c->bytes;
  free_ -= c->bytes;
  chunks_.fetch_sub(1, std::memory_order_relaxed);
  note_idle();
  return c;
}

void slab_source::give_upstream(chunk& c) noexcept {
  up_.deallocate(c.base, c.bytes, chunk::alignment_of(c.bytes));
  const std::lock_guard guard(mutex_);
  bookkeeping_.give(&c, chunk::descriptor_bytes(c.bytes));
}

void slab_source::trim(std::size_t keep_bytes) noexcept {
  for (;;) {
    chunk* c;
    {
      const std::lock_guard guard(mutex_);
      c = remove_surplus(keep_bytes);
    }
    if (c == nullptr) return;
    give_upstream(*c);
  }
}

void slab_source::advance() noexcept {
  {
    const std::lock_guard guard(mutex_);
    if (retention_.period_is_over()) {
      retention_.end_period(idle_);
      usage_.start_period();
      stale_.store(up_.held() - usage_.oversized() > usage_.used() + usage_.used() / 2,
                   std::memory_order_relaxed);
      note_idle();
    }
  }
  give_surplus();
}

void slab_source::note_idle() noexcept {
  retention_.idle_is(idle_);
  settling_.store(retention_.settling(idle_), std::memory_order_relaxed);
}

void slab_source::release_all() noexcept {
  for (auto& list : lists_) {
    while (chunk* const c = list.lowest()) {
      list.erase(*c);
      chunks_.fetch_sub(1, std::memory_order_relaxed);
      up_.deallocate(c->base, c->bytes, chunk::alignment_of(c->bytes));
    }
  }
  idle_ = free_ = 0;
  note_idle();
  map_.release_all(up_);
  bookkeeping_.release_all(up_);
}

// ---- lists

std::size_t slab_source::list_of(const chunk& c) noexcept {
  if (c.empty()) return empty_list;
  return static_cast<std::size_t>(std::bit_width(c.free_bytes() / 64));
}

void slab_source::relist(chunk& c) noexcept {
  const std::size_t list = list_of(c);
  if (list == c.list) return;
  lists_[c.list].erase(c);
  c.list = static_cast<std::uint8_t>(list);
  lists_[list].insert(c);
}

} // namespace quarry::detail
