// How slabs come back to a slab source, and chunks go upstream.
#include <algorithm>
#include <mutex>
#include <utility>

#include "slab_source.hpp"

namespace quarry::detail {

std::size_t slab_source::give(slab* first) noexcept {
  const std::lock_guard guard(mutex_);
  std::size_t count = 0;
  for (; first != nullptr; ++count) {
    slab& s = *first;
    first = s.left;
    return_units(s);
  }
  note_idle();
  return count;
}

// Two chunks at most. False when that was all there is to give.
bool slab_source::give_surplus() noexcept {
  chunk* surplus[2] = {};
  {
    const std::lock_guard guard(mutex_);
    for (chunk*& c : surplus) {
      const std::size_t idle = idle_, allowed = allowed_idle();
      c = remove_surplus(allowed, retention_.is_fixed() ? allowed : 0);
      if (c != nullptr) retention_.given_back(c->bytes, idle);
    }
  }
  for (chunk* c : surplus)
    if (c != nullptr) give_upstream(*c);
  return surplus[1] != nullptr;
}

void slab_source::return_units(slab& s) noexcept {
  chunk& c = map_.chunk_of(s.base);
  const run r = run_of(c, s);
  c.give_units(r.first, r.units);
  free_ += r.bytes();
  chunks_by_room_.update(c);
  if (c.empty()) idle_ += c.bytes;
  if (recorded()) return;
  c.mark(r.first, r.units, nullptr);
  s.class_index.store(slab::no_class, std::memory_order_release);
  give_slab_memory(s);
}

// Where a number of bytes may be retained, what is free in chunks that are in use is part of it.
std::size_t slab_source::allowed_idle() const noexcept {
  if (!retention_.is_fixed()) return retention_.allowance();
  const std::size_t idle = idle_;
  const std::size_t unused = up_.held() - std::min(up_.held(), usage_.used() + usage_.oversized());
  const std::size_t surplus = unused - std::min(unused, retention_.allowance());
  const std::size_t whole_chunks =
      (surplus + limits_.largest_chunk - 1) / limits_.largest_chunk * limits_.largest_chunk;
  return idle - std::min(idle, whole_chunks);
}

chunk* slab_source::remove_surplus(std::size_t allowed, std::size_t least_left) noexcept {
  chunk* const c = chunks_by_room_.last(empty_rooms);
  if (c == nullptr || idle_ <= allowed || idle_ - c->bytes < least_left) return nullptr;
  chunks_by_room_.erase(*c);
  map_.erase(*c);
  if (recorded()) forget(*c, 0, c->units());
  idle_ -= c->bytes;
  free_ -= c->bytes;
  chunks_ -= 1;
  note_idle();
  return c;
}

// With it a block of slabs' and one of chunks' descriptors, if there is one in which nothing lies. Returns
// the bytes given.
std::size_t slab_source::give_upstream(chunk& c) noexcept {
  thrift_.note_progress();
  const bool went = up_.deallocate_region(c.base, c.bytes, chunk::alignment_of(c.bytes));
  const std::size_t given = went ? c.bytes : 0;
  {
    const std::lock_guard guard(mutex_);
    give_descriptor(&c, descriptor_bytes(c.bytes));
  }
  return given + give_empty_block(slabs_) + give_empty_block(chunk_descriptors_);
}

std::size_t slab_source::give_empty_block(descriptor_store& of) noexcept {
  slab* block;
  {
    const std::lock_guard guard(mutex_);
    block = of.remove_empty();
  }
  return block == nullptr ? 0 : of.give_upstream(up_, *block);
}

std::size_t slab_source::trim(std::size_t keep_bytes) noexcept {
  std::size_t given = 0;
  for (;;) {
    chunk* c;
    {
      const std::lock_guard guard(mutex_);
      c = remove_surplus(keep_bytes, keep_bytes);
    }
    if (c == nullptr) break;
    given += give_upstream(*c);
  }
  if (given == 0) return 0;
  for (descriptor_store* const of : {&slabs_, &chunk_descriptors_})
    while (const std::size_t bytes = give_empty_block(*of)) given += bytes;
  return given;
}

void slab_source::advance(std::size_t slabs) noexcept {
  {
    const std::lock_guard guard(mutex_);
    if (retention_.period_is_over()) {
      stale_.store(thrift_.was_held_in_vain(), std::memory_order_relaxed);
      unflushed_.store(true, std::memory_order_relaxed);
      retention_.end_period(idle_, up_.held() - std::min(up_.held(), usage_.oversized()));
      usage_.start_period();
      note_idle();
    }
  }
  const std::size_t most = retention_.is_fixed() ? std::max<std::size_t>(slabs, 2) : 2;
  for (std::size_t given = 0; given < most && give_surplus(); given += 2) {
  }
}

void slab_source::note_idle() noexcept {
  retention_.idle_is(idle_);
  settling_.store(retention_.settling(idle_), std::memory_order_relaxed);
}

slab_source::everything slab_source::remove_all() noexcept {
  everything all{std::exchange(chunks_by_room_, {}),
                 map_.remove_all(),
                 bookkeeping_.remove_all(),
                 recorded() ? limits_.recorded_slabs->remove_all() : bookkeeping(),
                 slabs_.remove_all(),
                 chunk_descriptors_.remove_all()};
  chunks_ = 0;
  idle_ = 0;
  free_ = 0;
  note_idle();
  return all;
}

void slab_source::give_back(everything& all) noexcept {
  while (chunk* const c = all.chunks.last(all_rooms)) {
    all.chunks.erase(*c);
    up_.deallocate_region(c->base, c->bytes, chunk::alignment_of(c->bytes));
  }
  map_.give_back(up_, all.maps);
  for (bookkeeping* const each : {&all.pieces, &all.recorded_slabs}) each->release_all(up_);
  for (descriptor_store* const each : {&all.slabs, &all.chunk_descriptors}) each->release_all(up_);
}

} // namespace quarry::detail
