// How a pool comes to the caches of its threads: each one's owner shut out. Rung 5.
#pragma once

#include <mutex>
#include <thread>

#include "membarrier.hpp"
#include "thread_cache.hpp"
#include "thread_magazines.hpp"

namespace quarry::detail {

// Shuts out the owners of the caches that for_each(g) calls g with: of their cold paths by the flag, of the
// hot ones by closed bounds; it is the owners' next cold calls that open them, class by class. One barrier
// does for all caches. An owner that was on its cold path then may have opened bounds again before it left:
// its cache is closed once more, by another barrier. An owner that is inside is waited for, or its cache is
// left alone. Expects the registry mutex to be held.
template <class ForEach, class Function>
void thread_magazines::visit_each(const ForEach& for_each, when_busy busy, Function f) noexcept {
  const auto is_out = [busy](const thread_cache& cache) {
    while (cache.busy.load_acquire() != 0) {
      if (busy == when_busy::skip) return false;
      std::this_thread::yield();
    }
    return true;
  };
  for_each([](thread_cache& cache) {
    cache.visited.store(true, std::memory_order_relaxed);
    cache.close();
  });
  membarrier_all_threads();
  bool some_were_opened = false;
  for_each([&](thread_cache& cache) {
    cache.owner_is_out = is_out(cache);
    cache.was_opened = cache.owner_is_out && !cache.is_closed();
    if (!cache.was_opened) return;
    cache.close();
    some_were_opened = true;
  });
  if (some_were_opened) membarrier_all_threads();
  for_each([&](thread_cache& cache) {
    if (cache.owner_is_out && (!cache.was_opened || is_out(cache))) f(cache);
    cache.visited.store(false, std::memory_order_release);
    cache.visited.notify_one();
  });
}

template <class Function>
void thread_magazines::visit(when_busy busy, Function f) noexcept {
  const std::lock_guard guard(registry_mutex());
  if (first_ == nullptr) return;
  const auto for_each = [this](auto g) {
    for (thread_cache* cache = first_; cache != nullptr; cache = cache->next) g(*cache);
  };
  visit_each(for_each, busy, f);
}

} // namespace quarry::detail
