// How a pool core serves a pool that has no magazines yet: from its nursery, as far as that goes.
#include <mutex>
#include <utility>

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

// A class that has slabs, as every class with a reservation has, asks upstream for no nursery.
void* pool_core::allocate_early(size_class c) {
  void* block;
  if (nursery_.wants_memory(c) && pools_.find(c) == nullptr) {
    open_nursery(c);
    if (refill_from_nursery(c, &block)) return block;
  }
  refill(c, &block, 1);
  return block;
}

// For a class that has no slab; also when the pool has magazines, so that nobody has to wait for upstream who
// could be served.
bool pool_core::refill_from_nursery(size_class c, void** out) noexcept {
  const std::lock_guard guard(early_mutex_);
  *out = nursery_.allocate(c);
  if (*out != nullptr) usage_.add_early(block_sizes[c]);
  return *out != nullptr;
}

// Looks again once it may call upstream, since another thread may have been faster, and after the call, since
// one from within upstream may. When upstream has no memory, there may be some for a slab.
void pool_core::open_nursery(size_class c) noexcept {
  const std::lock_guard growing(upstream_.mutex());
  if (!nursery_.wants_memory(c)) return;
  try {
    void* memory = upstream_.allocate(nursery::bytes, nursery::alignment);
    {
      const std::lock_guard guard(early_mutex_);
      if (nursery_.wants_memory(c)) nursery_.add(std::exchange(memory, nullptr));
    }
    if (memory != nullptr) upstream_.deallocate(memory, nursery::bytes, nursery::alignment);
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

void pool_core::close_nursery() noexcept {
  const std::lock_guard guard(early_mutex_);
  nursery_.close();
}

std::size_t pool_core::give_empty_nursery() noexcept {
  void* memory;
  {
    const std::lock_guard guard(early_mutex_);
    memory = nursery_.remove_if_empty();
  }
  if (memory == nullptr) return 0;
  upstream_.deallocate(memory, nursery::bytes, nursery::alignment);
  return nursery::bytes;
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
