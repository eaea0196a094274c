// How a pool core serves a small pool: from its nursery, as far as that goes.
#include <mutex>
#include <utility>

#include "poison.hpp"
#include "pool_core.hpp"

namespace quarry::detail {

void* pool_core::allocate_in_nursery_shared(std::size_t last) noexcept {
  if (last >= nursery_.limit()) return nullptr;
  const std::lock_guard guard(early_mutex_);
  return allocate_in_nursery(last);
}

bool pool_core::deallocate_in_nursery_shared(std::size_t last, const void* block) noexcept {
  if (!nursery_.spans(block)) return false;
  const std::lock_guard guard(early_mutex_);
  return deallocate_in_nursery(last, block);
}

// For a class that has no slab, as one with a reservation has, and wants a few: also when the pool has
// magazines, so that nobody has to wait for upstream who could be served. Once the pool has grown up the
// nursery stays as it is, and what has come free there serves whoever would need a new slab.
std::size_t pool_core::refill_from_nursery(size_class c, void** out, std::size_t count) noexcept {
  constexpr std::size_t few = 4, grown_up = std::size_t{1} << 17;
  if (poisoning()) return 0;
  if (!nursery_.is_closed() && usage_.used() >= grown_up) close_nursery();
  if (!nursery_.is_closed() && (count > few || pools_.find(c) != nullptr)) return 0;
  if (nursery_.has_memory())
    if (const std::size_t taken = take_from_nursery(c, out, count)) return taken;
  if (nursery_.wanted_bytes(c) == 0) return 0;
  grow_nursery(c);
  return take_from_nursery(c, out, count);
}

void pool_core::close_nursery() noexcept {
  const std::lock_guard guard(early_mutex_);
  nursery_.close();
}

std::size_t pool_core::take_from_nursery(size_class c, void** out, std::size_t count) noexcept {
  const std::lock_guard guard(early_mutex_);
  std::size_t taken = 0;
  while (taken != count && (out[taken] = nursery_.allocate(c)) != nullptr) ++taken;
  usage_.add_early(taken * block_sizes[c]);
  return taken;
}

void* pool_core::take_last_of_nursery(size_class c) noexcept {
  const std::lock_guard guard(early_mutex_);
  void* const block = nursery_.allocate_in_any_hole(c);
  if (block != nullptr) usage_.add_early(block_sizes[c]);
  return block;
}

// Looks again once it may call upstream, since another thread may have been faster, and after the call, since
// one from within upstream may. When upstream has no memory, there may be some for a slab.
void pool_core::grow_nursery(size_class c) noexcept {
  const std::lock_guard growing(upstream_.mutex());
  const std::size_t bytes = nursery_.wanted_bytes(c);
  if (bytes == 0) return;
  try {
    void* memory = upstream_.allocate(bytes, nursery::alignment);
    {
      const std::lock_guard guard(early_mutex_);
      if (nursery_.wanted_bytes(c) == bytes) nursery_.add(std::exchange(memory, nullptr), bytes);
    }
    if (memory != nullptr) upstream_.deallocate(memory, bytes, nursery::alignment);
  } catch (...) {
  }
}

// What no slab has: blocks of the nursery go back there, the others stay. Returns how many those are.
std::size_t pool_core::flush_to_nursery(size_class c, bad_block* blocks, std::size_t count) noexcept {
  std::size_t bad_count = 0;
  const std::lock_guard guard(early_mutex_);
  for (std::size_t i = 0; i < count; ++i) {
    const bad_block& b = blocks[i];
    if (!give_to_nursery(c, b.address))
      blocks[bad_count++] = {b.address, b.listed_free || nursery_.has_freed(b.address), b.in};
  }
  return bad_count;
}

std::size_t pool_core::give_empty_nursery(std::size_t keep_bytes) noexcept {
  nursery::pieces_of_memory empty;
  {
    const std::lock_guard guard(early_mutex_);
    empty = nursery_.remove_empty(keep_bytes);
  }
  return give_upstream(empty);
}

std::size_t pool_core::give_upstream(const nursery::pieces_of_memory& of) noexcept {
  std::size_t given = 0;
  for (std::size_t i = 0; i < of.count; ++i) {
    upstream_.deallocate(of.pieces[i].begin, of.pieces[i].bytes, nursery::alignment);
    given += of.pieces[i].bytes;
  }
  return given;
}

void pool_core::check_nursery() const {
  const std::lock_guard guard(early_mutex_);
  nursery_.check_invariants();
}

size_class pool_core::class_in_nursery(const void* block) const noexcept {
  const std::lock_guard guard(early_mutex_);
  return nursery_.class_at(block);
}

} // namespace quarry::detail
