// What a pool does with the caches of all its threads.
#include "thread_visits.hpp"

#include <exception>
#include <mutex>
#include <stdexcept>

#include "magazine_flush.hpp"

namespace quarry::detail {

void thread_magazines::flush_all(when_busy busy) noexcept {
  pool_core::flushed f;
  visit(busy, [&](thread_cache& cache) { flush_set(core_, f, cache); });
  core_.flush_depots(f);
  core_.finish(f, true);
}

void thread_magazines::close() noexcept {
  pool_core::flushed f;
  visit(when_busy::wait, [&](thread_cache& cache) { flush_set(core_, f, cache); });
  let_go_of_caches();
  core_.flush_depots(f); // now that threads on their way out have handed on what they had
  core_.finish(f, true);
}

// What threads that are gone had of class `c`, before another slab is asked for.
void thread_magazines::fetch_parked(size_class c) noexcept {
  if (core_.depots().count(c) != 0 || core_.pools().has_free(c)) return;
  pool_core::flushed f;
  {
    const std::lock_guard guard(registry_mutex());
    for (thread_cache* each = first_; each != nullptr; each = each->next)
      if (each->parked && each->count(c) != 0) hand_on_class(core_, f, *each, c);
  }
  core_.finish(f);
}

void thread_magazines::forget_all() noexcept {
  visit(when_busy::wait, [](thread_cache& cache) { cache.forget_all(); });
}

void thread_magazines::reclaim(pool_core::flushed& f, size_class c) noexcept {
  if (c >= magazine_count || core_.pools().has_free(c)) return;
  core_.flush_depot(f, c);
  visit(when_busy::wait, [&](thread_cache& cache) {
    if (cache.count(c) != 0) flush_class(core_, f, cache, c);
  });
}

std::array<std::size_t, size_class_count> thread_magazines::count_blocks() noexcept {
  std::array<std::size_t, size_class_count> counts{};
  visit(when_busy::wait, [&](const thread_cache& cache) {
    for (size_class c = 0; c < magazine_count; ++c) counts[c] += cache.count(c);
  });
  return counts;
}

std::size_t thread_magazines::list_blocks(const void** out, std::size_t room) noexcept {
  std::size_t listed = 0;
  visit(when_busy::wait, [&](const thread_cache& cache) { listed = cache.list_blocks(out, room, listed); });
  return listed;
}

void thread_magazines::check_invariants() {
  std::exception_ptr wrong;
  visit(when_busy::skip, [&](thread_cache& cache) {
    try {
      check_set(core_, cache);
    } catch (const std::logic_error&) {
      wrong = std::current_exception();
    }
  });
  if (wrong) std::rethrow_exception(wrong);
}

} // namespace quarry::detail
