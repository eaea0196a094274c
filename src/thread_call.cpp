#include "thread_call.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "membarrier.hpp"

namespace quarry::detail {

constinit thread_local call_frame* call_frame::innermost_ = nullptr;

void thread_call::wait_until_open() noexcept {
  if (is_within_another()) return;
  do {
    end();
    pool_.closed_.wait(true, std::memory_order_relaxed);
    begin();
  } while (pool_.closed_.load(std::memory_order_seq_cst));
}

// One at a time.
only_call::only_call(thread_magazines& pool) noexcept : call_frame(pool) {
  if (is_within_another()) {
    std::fputs("quarry: release() was called from within another call on the same pool\n", stderr);
    std::abort();
  }
  while (pool_.closed_.exchange(true, std::memory_order_seq_cst))
    pool_.closed_.wait(true, std::memory_order_relaxed);
  if (membarrier_works()) membarrier_all_threads();
  while (somebody_is_inside()) std::this_thread::yield();
}

only_call::~only_call() {
  pool_.closed_.store(false, std::memory_order_release);
  pool_.closed_.notify_all();
}

// A thread that is on its way out gives blocks back without a call.
bool only_call::somebody_is_inside() const noexcept {
  if (pool_.calls_without_cache_.load(std::memory_order_acquire) != 0) return true;
  const std::lock_guard guard(registry_mutex());
  if (pool_.leaving_ != 0) return true;
  for (const thread_cache* cache = pool_.first_; cache != nullptr; cache = cache->next)
    if (cache->calls_inside.load_acquire() != 0) return true;
  return false;
}

} // namespace quarry::detail
