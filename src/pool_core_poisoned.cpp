// What takes the place of magazines while memory is poisoned: each block is unpoisoned when it is allocated,
// poisoned when it is freed, and kept back for a while.
#include <mutex>
#include <stdexcept>

#include "block_record.hpp"
#include "poison.hpp"
#include "pool_core.hpp"
#include <quarry/violation.hpp>

namespace quarry::detail {

void* pool_core::address_of(void* block_or_record) const noexcept {
  return recorded_ ? static_cast<block_record*>(block_or_record)->address.load_relaxed() : block_or_record;
}

// Two threads may make one at once: one of them is used.
quarantine& pool_core::the_quarantine() {
  if (quarantine* const q = quarantine_.load(std::memory_order_acquire)) return *q;
  quarantine* const made = quarantine::make(shared_);
  quarantine* expected = nullptr;
  if (quarantine_.compare_exchange_strong(expected, made, std::memory_order_acq_rel)) return *made;
  quarantine::destroy(made);
  return *expected;
}

// A block that is kept back serves before upstream is asked.
void* pool_core::allocate_poisoned(size_class c, std::size_t bytes) {
  quarantine& kept = the_quarantine();
  void* block = nullptr;
  if (refill_from_slabs(c, &block, 1) == 0) {
    const std::lock_guard guard(kept.mutex());
    block = kept.take_oldest(c);
  }
  if (block == nullptr) refill(c, &block, 1);
  unpoison_block(&kept, address_of(block), bytes);
  return block;
}

// Only a block that is in use is poisoned; of a bad one it is the flush that says what is wrong.
void pool_core::deallocate_poisoned(size_class c, void* block) noexcept {
  quarantine* const kept = quarantine_.load(std::memory_order_acquire);
  if (kept == nullptr) return flush(c, &block, 1);
  const pool* const p = pools_.find(c);
  flushed f;
  bool freed_twice, in_use;
  {
    const std::lock_guard guard(kept->mutex());
    freed_twice = kept->holds(block);
    in_use = !freed_twice && p != nullptr && p->uses(address_of(block));
    if (in_use) {
      poison_block(kept, address_of(block), block_sizes[c]);
      kept->put(block, c);
      while (quarantine::entry e = kept->take_surplus()) flush_into(f, e.c, &e.block, 1);
    }
  }
  if (in_use) return finish(f, pools_.reserved(c) != 0);
  if (!freed_twice) return flush(c, &block, 1);
  dropped_.fetch_add(1, std::memory_order_relaxed);
  report_bad(violation_kind::double_free, address_of(block), c);
}

void pool_core::flush_quarantine() noexcept {
  quarantine* const kept = quarantine_.load(std::memory_order_acquire);
  if (kept == nullptr) return;
  flushed f;
  {
    const std::lock_guard guard(kept->mutex());
    while (quarantine::entry e = kept->take_oldest()) flush_into(f, e.c, &e.block, 1);
  }
  finish(f, true);
}

std::array<std::size_t, size_class_count> pool_core::count_quarantine() const noexcept {
  std::array<std::size_t, size_class_count> blocks{};
  if (quarantine* const kept = quarantine_.load(std::memory_order_acquire)) {
    const std::lock_guard guard(kept->mutex());
    kept->for_each([&](const quarantine::entry& e) { ++blocks[e.c]; });
  }
  return blocks;
}

std::size_t pool_core::list_quarantine(const void** out, std::size_t room) const noexcept {
  quarantine* const kept = quarantine_.load(std::memory_order_acquire);
  if (kept == nullptr) return 0;
  const std::lock_guard guard(kept->mutex());
  std::size_t count = 0;
  kept->for_each([&](const quarantine::entry& e) {
    if (count < room) out[count] = address_of(e.block);
    ++count;
  });
  return count;
}

void pool_core::check_quarantine() const {
  quarantine* const kept = quarantine_.load(std::memory_order_acquire);
  if (kept == nullptr) return;
  const std::lock_guard guard(kept->mutex());
  kept->for_each([&](const quarantine::entry& e) {
    const pool* const p = pools_.find(e.c);
    if (p == nullptr || !p->uses(address_of(e.block)))
      throw std::logic_error("quarry: a block that is kept back is free in its slab, or not of its class");
  });
}

} // namespace quarry::detail
