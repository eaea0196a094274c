// How a pool core serves a pool that has no magazines yet.
#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "pool_core.hpp"
#include <quarry/violation.hpp>

namespace quarry::detail {

void* pool_core::allocate_early(size_class c) {
  constexpr std::size_t few = 4, few_bytes = 160;
  void* blocks[few];
  std::size_t wanted = 1;
  if (keeps_early(c)) {
    const std::lock_guard guard(early_mutex_);
    if (void* const block = early_.pop(c)) return block;
    wanted = std::clamp<std::size_t>(std::min(early_.room() + 1, few_bytes / block_sizes[c]), 1, few);
  }
  std::size_t left = refill(c, blocks, wanted);
  {
    const std::lock_guard guard(early_mutex_);
    while (left > 1 && early_.room() != 0) early_.push(c, blocks[--left]);
  }
  if (left > 1) flush(c, blocks + 1, left - 1); // another thread was faster
  return blocks[0];
}

// Checked as at a flush: what is bad is left to that.
bool pool_core::keep_early(size_class c, void* block) noexcept {
  if (!keeps_early(c)) return false;
  const pool* const p = pools_[c].load(std::memory_order_acquire);
  if (p == nullptr || !p->uses(block)) return false;
  {
    const std::lock_guard guard(early_mutex_);
    if (!early_.holds(block)) {
      if (early_.room() == 0) return false;
      early_.push(c, block);
      return true;
    }
  }
  dropped_.fetch_add(1, std::memory_order_relaxed);
  report_bad({block, true, source_.find(block)}, c);
  return true;
}

void pool_core::flush_early(flushed& f) noexcept {
  const std::lock_guard guard(early_mutex_);
  early_.for_each([&](void* block, size_class c) { flush_into(f, c, &block, 1); });
  early_.forget_all();
}

// Also within an allocation, which may be one of reserved blocks: nothing goes upstream.
void pool_core::flush_early() noexcept {
  flushed f;
  flush_early(f);
  finish(f, true);
}

void pool_core::check_early() const {
  const std::lock_guard guard(early_mutex_);
  const char* wrong = nullptr;
  early_.for_each([&](void* block, size_class c) {
    if (const char* const what = wrong_with_cached(c, block)) wrong = what;
  });
  if (wrong != nullptr) throw std::logic_error(wrong);
}

} // namespace quarry::detail
