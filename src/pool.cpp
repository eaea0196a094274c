#include "pool.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace quarry::detail {

namespace {

constexpr std::size_t least_at_once = 4;
constexpr std::size_t worth_draining = 16384; // bytes in vain of one class

} // namespace

// ---- taking

std::size_t pool::refill(void** out, std::size_t count) {
  std::size_t class_bytes;
  {
    const std::lock_guard guard(mutex_);
    count = fair_count(count);
    if (const std::size_t taken = take_from_slabs(out, count); taken != 0) return taken;
    class_bytes = carved_ * block_sizes[class_];
  }
  slab& s = source_.take(class_, class_bytes);
  const std::lock_guard guard(mutex_);
  add(s);
  return take_from(s, out, count);
}

// A class of a few blocks takes a few at once, so that what lies in magazines stays a small part of it.
std::size_t pool::fair_count(std::size_t count) const noexcept {
  return std::min(count, std::max(least_at_once, (carved_ - free_) / 8));
}

std::size_t pool::take_from_slabs(void** out, std::size_t count) noexcept {
  std::size_t taken = 0;
  for (int visits = 0; visits < 2 && taken < count; ++visits) {
    slab* const s = next_to_serve();
    if (s == nullptr) break;
    taken += take_from(*s, out + taken, count - taken);
  }
  return taken;
}

void* pool::take_while_draining() noexcept {
  const std::lock_guard guard(mutex_);
  slab* s = next_to_serve();
  if (s == nullptr || source_.places_low()) {
    if (slab* const lower = source_.take_below(s, class_, carved_ * block_sizes[class_])) {
      add(*lower);
      s = lower;
    }
  }
  return s == nullptr ? nullptr : take_lowest_of(*s);
}

// Looks only now and then whether the class still drains.
void* pool::take_lowest_of(slab& s) noexcept {
  void* const block = s.take_lowest();
  --free_;
  reshelve(s);
  if (free_ % 16 == 0) note_occupancy();
  usage_.add(block_sizes[class_]);
  return block;
}

std::size_t pool::take_from(slab& s, void** out, std::size_t count) noexcept {
  const std::size_t taken = s.take(out, count);
  free_ -= taken;
  reshelve(s);
  note_occupancy();
  usage_.add(taken * block_sizes[class_]);
  return taken;
}

// One that is worth the visit, unless the lowest of all is wanted.
slab* pool::next_to_serve() const noexcept {
  slab* const worth = shelves_[many].lowest();
  if (worth != nullptr && !draining()) return worth;
  slab* const other = shelves_[few].lowest();
  if (worth == nullptr || other == nullptr) return worth == nullptr ? other : worth;
  return worth->base < other->base ? worth : other;
}

// ---- giving back

std::size_t pool::flush(void* const* blocks, std::size_t count, slab*& emptied, bad_block* bad) noexcept {
  slab* found[most_at_once];
  find_slabs(blocks, count, found);
  std::size_t bad_count = 0;
  const std::lock_guard guard(mutex_);
  for (std::size_t i = 0; i < count;) {
    std::size_t of_slab = 1;
    while (i + of_slab < count && found[i + of_slab] == found[i]) ++of_slab;
    give_to(found[i], blocks + i, of_slab, emptied, bad, bad_count);
    i += of_slab;
  }
  free_ += count - bad_count;
  const std::size_t bytes = (count - bad_count) * block_sizes[class_];
  if (source_.settling() && !draining())
    usage_.subtract_counted(bytes);
  else
    usage_.subtract(bytes);
  note_occupancy();
  return bad_count;
}

bool pool::uses(const void* address) const noexcept {
  const std::lock_guard guard(mutex_);
  const slab* const s = source_.find(address);
  if (s == nullptr || s->block_class() != class_) return false;
  const std::size_t index = s->index_of(address);
  return index != slab::most_blocks && !s->is_free(index);
}

void pool::give_to(slab* s, void* const* blocks, std::size_t count, slab*& emptied, bad_block* bad,
                   std::size_t& bad_count) noexcept {
  if (s == nullptr || s->block_class() != class_) {
    for (std::size_t i = 0; i < count; ++i) bad[bad_count++] = {blocks[i], false, s};
    return;
  }
  const slab::grid where = s->where();
  const std::size_t bad_before = bad_count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = where.index_of(blocks[i]);
    const bool is_block = index != slab::most_blocks;
    if (!is_block || !s->mark_free(index)) bad[bad_count++] = {blocks[i], is_block, s};
  }
  s->free_count = static_cast<std::uint16_t>(s->free_count + count - (bad_count - bad_before));
  if (s->shelf != slab::no_shelf) settle(*s, emptied);
}

// All look-ups before the first use, so that their cache misses overlap.
void pool::find_slabs(void* const* blocks, std::size_t count, slab** found) const noexcept {
  slab* last = nullptr;
  slab::grid where{};
  for (std::size_t i = 0; i < count; ++i) {
    if (!where.spans(blocks[i])) {
      last = source_.find(blocks[i]);
      if (last != nullptr) __builtin_prefetch(last, 1);
      where = last == nullptr ? slab::grid{} : last->where();
    }
    found[i] = last;
  }
}

// After blocks came back: the slab changes lists, or leaves when it is empty.
void pool::settle(slab& s, slab*& emptied) noexcept {
  if (!s.empty() || !may_go(s)) return reshelve(s);
  shelves_[s.shelf].erase(s);
  s.shelf = slab::no_shelf;
  --slabs_;
  carved_ -= s.blocks;
  free_ -= s.blocks;
  s.left = emptied;
  emptied = &s;
}

bool pool::may_go(const slab& s) const noexcept { return carved_ - s.blocks >= reserved(); }

void pool::reserve(std::size_t blocks) {
  slab* added = nullptr;
  std::size_t more = 0;
  const auto give_back = [&] {
    if (added != nullptr) source_.give(added);
  };
  try {
    for (;;) {
      {
        const std::lock_guard guard(mutex_);
        if (carved_ + more >= blocks) {
          reserved_.store(std::max(reserved(), blocks), std::memory_order_relaxed);
          while (added != nullptr) {
            slab& s = *added;
            added = s.left;
            add(s);
          }
          return;
        }
      }
      slab& s = source_.take(class_, blocks * block_sizes[class_]);
      more += s.blocks;
      s.left = added;
      added = &s;
    }
  } catch (...) {
    give_back();
    throw;
  }
}

// ---- shelves

pool::shelf_kind pool::shelf_of(const slab& s) noexcept {
  constexpr std::size_t worth_a_visit = 8; // blocks, or a quarter of the slab
  if (s.free_count == 0) return full;
  return s.free_count >= worth_a_visit || s.free_count * 4u >= s.blocks ? many : few;
}

void pool::add(slab& s) noexcept {
  ++slabs_;
  carved_ += s.blocks;
  free_ += s.blocks;
  s.shelf = shelf_of(s);
  shelves_[s.shelf].insert(s);
}

void pool::reshelve(slab& s) noexcept {
  const shelf_kind now = shelf_of(s);
  if (now == s.shelf) return;
  shelves_[s.shelf].erase(s);
  s.shelf = now;
  shelves_[now].insert(s);
}

// When much is held in vain and this class has a part in it: by free blocks in its slabs (from a quarter to
// an eighth, so that the mode does not flap), or by slabs scattered over chunks that are else empty.
void pool::note_occupancy() noexcept {
  const std::size_t worth_it =
      usage_.has_fallen() ? std::min(worth_draining, usage_.used() / 512) : worth_draining;
  const bool was = draining_.load(std::memory_order_relaxed);
  const std::size_t block = block_sizes[class_];
  const std::size_t idle = carved_ > reserved() ? free_ : 0;
  const bool much_is_free = idle * (was ? 8 : 4) > carved_ && idle * block > worth_it;
  const bool now = source_.holds_much_in_vain() &&
                   (much_is_free || (source_.scattered() && reserved() == 0 &&
                                     (source_.places_low() || carved_ * block > worth_it)));
  if (now != was) draining_.store(now, std::memory_order_relaxed);
}

pool::counts pool::count() const noexcept {
  const std::lock_guard guard(mutex_);
  return {slabs_, carved_, free_};
}

void pool::check_invariants() const {
  const std::lock_guard guard(mutex_);
  std::size_t slabs = 0, carved = 0, free = 0;
  for (const auto& on : shelves_)
    on.for_each([&](const slab& s) {
      s.check_invariants();
      if (s.block_class() != class_) throw std::logic_error("quarry: a slab is in a pool of another class");
      if (&on != &shelves_[s.shelf] || shelf_of(s) != s.shelf)
        throw std::logic_error("quarry: a slab is on the wrong shelf");
      ++slabs;
      carved += s.blocks;
      free += s.free_count;
    });
  if (slabs != slabs_ || carved != carved_ || free != free_)
    throw std::logic_error("quarry: a pool's blocks are miscounted");
}

} // namespace quarry::detail
