#include "pool_set.hpp"

#include <new>

namespace quarry::detail {

// Two threads may make one at once: one of them is used.
pool& pool_set::make(size_class c) {
  void* const piece = source_.take_bookkeeping(sizeof(pool));
  auto* const made = ::new (piece) pool(c, source_, usage_, shared_);
  if (pools_ == &no_pools) open();
  pool* expected = nullptr;
  if (table_.get()[c].compare_exchange_strong(expected, made, std::memory_order_acq_rel)) return *made;
  made->~pool();
  source_.give_bookkeeping(piece, sizeof(pool));
  return *expected;
}

void pool_set::make_all() noexcept {
  for (size_class c = 0; c < size_class_count; ++c)
    table_.get()[c].store(::new (of_all_ + c * sizeof(pool)) pool(c, source_, usage_, true),
                          std::memory_order_release);
}

void pool_set::remove_all() noexcept {
  if (pools_ == &no_pools) return;
  for (auto& slot : table_.get()) {
    if (pool* const p = slot.load(std::memory_order_acquire)) p->~pool();
    slot.store(nullptr, std::memory_order_release);
  }
  if (of_all_ != nullptr) make_all();
}

void pool_set::check_invariants() const {
  for (size_class c = 0; c < size_class_count; ++c)
    if (const pool* const p = find(c)) p->check_invariants();
}

} // namespace quarry::detail
