#include "pool.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <new>

namespace quarry::detail {

namespace {

constexpr std::size_t least_at_once = 4;
constexpr std::size_t least_bytes_at_once = 8192; // unless those are more

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
  return take_from_new(s, out, count);
}

// A class of a few blocks takes a few at once, so that what lies in magazines stays a small part of it; in a
// small pool half of what it has.
std::size_t pool::fair_count(std::size_t count) const noexcept {
  const std::size_t least =
      std::clamp<std::size_t>(least_bytes_at_once / block_sizes[class_], 1, least_at_once);
  return std::min(count, std::max(least, (carved_ - free_) / (usage_.is_small() ? 2 : 8)));
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

std::size_t pool::take_while_draining(void** out, std::size_t count) noexcept {
  const std::lock_guard guard(mutex_);
  slab* const s = next_to_serve();
  if (s == nullptr || source_.places_low()) {
    if (slab* const lower = source_.take_below(s, class_, carved_ * block_sizes[class_]))
      return take_from_new(*lower, out, count);
  }
  return s == nullptr ? 0 : take_from(*s, out, count);
}

std::size_t pool::take_from_new(slab& s, void** out, std::size_t count) noexcept {
  const std::size_t taken = s.take(out, count);
  add(s);
  note_occupancy();
  usage_.add(taken * block_sizes[class_]);
  return taken;
}

std::size_t pool::take_from(slab& s, void** out, std::size_t count) noexcept {
  const std::size_t taken = s.take(out, count);
  free_ -= taken;
  reshelve(s);
  note_occupancy();
  usage_.add(taken * block_sizes[class_]);
  return taken;
}

slab* pool::next_to_serve() const noexcept {
  slab* const worth = many_.lowest();
  return worth != nullptr ? worth : few_.first();
}

// ---- giving back

// After a block came back to it. One that has left stands on no shelf.
bool pool::is_unsettled(const slab& s) noexcept { return s.shelf < many || (s.shelf == many && s.empty()); }

std::size_t pool::flush(void* const* blocks, std::size_t count, slab*& emptied, bad_block* bad) noexcept {
  slab* found[most_at_once + 1];
  find_slabs(blocks, count, found);
  const slab::divisor by_block = slab::by_block(class_);
  std::size_t bad_count = 0, touched = 0;
  slab* s = nullptr;
  slab::extent extent; // of no block, unless the slab is ours
  const std::lock_guard guard(mutex_);
  for (std::size_t i = 0; i < count; ++i) {
    if (found[i] != s) {
      s = found[i];
      ++touched;
      extent = s != nullptr && s->block_class() == class_ ? s->where() : slab::extent{};
    }
    const std::size_t index = by_block.index_in(extent, blocks[i]);
    if (index == slab::most_blocks || !s->mark_free(index)) [[unlikely]]
      bad[bad_count++] = {blocks[i], index != slab::most_blocks, s};
    const bool leaves_slab = found[i + 1] != s && extent.blocks != 0;
    if (leaves_slab && is_unsettled(*s)) settle(*s, emptied);
  }
  note_return(count - bad_count, touched);
  return bad_count;
}

// Blocks are free in their slabs, of which `touched` are few when it is those that were taken last: then none
// of the others comes to be empty by it. Where frees into magazines are counted these were, too.
void pool::note_return(std::size_t blocks, std::size_t touched) noexcept {
  free_ += blocks;
  const bool lay_together = touched * 16 <= std::min(blocks, slabs_);
  came_back_ += lay_together ? blocks * 8 : blocks;
  const std::size_t bytes = blocks * block_sizes[class_];
  if (source_.settling() && !draining())
    usage_.subtract_counted(bytes);
  else
    usage_.subtract(bytes);
  note_occupancy();
}

bool pool::uses(const void* address) const noexcept {
  const std::lock_guard guard(mutex_);
  const slab* const s = source_.find(address);
  if (s == nullptr || s->block_class() != class_) return false;
  const std::size_t index = s->index_of(address);
  return index != slab::most_blocks && !s->is_free(index);
}

// What is read for one block waits for nothing that is read for another, so that their cache misses overlap:
// first where the slabs are noted, then the slabs. Blocks that come together often lie together.
void pool::find_slabs(void* const* blocks, std::size_t count, slab** found) const noexcept {
  std::array<const std::atomic<slab*>*, most_at_once> slots;
  const void* before = nullptr;
  slab_map::unit_slot last = slab_map::no_slot();
  for (std::size_t i = 0; i < count; ++i) {
    if (!last.is_of_both(before, blocks[i])) {
      last = source_.slot_of(blocks[i]);
      __builtin_prefetch(last.slot);
    }
    before = blocks[i];
    slots[i] = last.slot;
  }
  for (std::size_t i = 0; i < count; ++i) {
    found[i] = slots[i]->load(std::memory_order_acquire);
    __builtin_prefetch(found[i], 1);
  }
  found[count] = nullptr;
}

// After a block came back: the slab changes shelves, or leaves when it is empty. (One that is on its way back
// already has no used block, so none comes back to it.)
void pool::settle(slab& s, slab*& emptied) noexcept {
  if (!s.empty() || !may_go(s)) return reshelve(s);
  take_off_shelf(s);
  --slabs_;
  carved_ -= s.blocks;
  free_ -= s.blocks;
  s.left = emptied;
  emptied = &s;
}

bool pool::may_go(const slab& s) const noexcept { return carved_ - s.blocks >= reserved(); }

// When upstream fails, what it gave goes back there.
void pool::reserve(std::size_t blocks) {
  if (blocks > PTRDIFF_MAX / block_sizes[class_]) throw std::bad_alloc();
  const std::size_t idle = source_.idle();
  begin_reserving();
  try {
    while (!reserves(blocks)) {
      slab& s = source_.take(class_, blocks * block_sizes[class_]);
      const std::lock_guard guard(mutex_);
      add(s);
    }
  } catch (...) {
    slab* emptied = nullptr;
    end_reserving(emptied);
    if (emptied != nullptr) source_.give(emptied);
    source_.trim(idle);
    throw;
  }
}

void pool::begin_reserving() noexcept {
  const std::lock_guard guard(mutex_);
  ++reserving_;
}

// What is carved so far stays meanwhile, lest it goes again as empty. True when that is all of them: then
// they are promised.
bool pool::reserves(std::size_t blocks) noexcept {
  const std::lock_guard guard(mutex_);
  if (carved_ < blocks) {
    reserved_.store(std::max(reserved(), carved_), std::memory_order_relaxed);
    return false;
  }
  promised_ = std::max(promised_, blocks);
  reserved_.store(std::max(reserved(), blocks), std::memory_order_relaxed);
  --reserving_;
  forget_what_failed();
  return true;
}

void pool::end_reserving(slab*& emptied) noexcept {
  const std::lock_guard guard(mutex_);
  --reserving_;
  forget_what_failed();
  while (slab* const s = many_.find([this](const slab& each) { return each.empty() && may_go(each); }))
    settle(*s, emptied);
}

// Who reserves at the same time needs what it has so far.
void pool::forget_what_failed() noexcept {
  if (reserving_ == 0) reserved_.store(promised_, std::memory_order_relaxed);
}

} // namespace quarry::detail
