// What a pool does with the caches of all its threads: one cache at a time, its owner shut out.
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "membarrier.hpp"
#include "thread_cache.hpp"
#include "thread_magazines.hpp"

namespace quarry::detail {

// Shuts out the owners of the caches that for_each(g) calls g with, first of their cold paths and then, with
// all bounds closed, of the hot ones; it is the owners' next cold calls that open them, class by class. One
// barrier does for all caches. An owner that is inside is waited for, or its cache is left alone. Expects the
// registry mutex to be held.
template <class ForEach, class Function>
void thread_magazines::visit_each(const ForEach& for_each, when_busy busy, Function f) noexcept {
  const auto is_out = [busy](const thread_cache& cache) {
    while (busy == when_busy::wait && cache.busy.load_acquire() != 0) std::this_thread::yield();
    return cache.busy.load_acquire() == 0;
  };
  for_each([](thread_cache& cache) { cache.visited.store(true, std::memory_order_relaxed); });
  membarrier_all_threads();
  for_each([&](thread_cache& cache) {
    cache.owner_is_out = is_out(cache);
    if (cache.owner_is_out) cache.close();
  });
  membarrier_all_threads();
  for_each([&](thread_cache& cache) {
    if (cache.owner_is_out && is_out(cache)) f(cache);
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

void thread_magazines::flush_all(when_busy busy) noexcept {
  pool_core::flushed f;
  visit(busy, [&](thread_cache& cache) { core_.flush_set(f, cache); });
  core_.flush_depots(f);
  core_.finish(f, true);
}

void thread_magazines::close() noexcept {
  pool_core::flushed f;
  visit(when_busy::wait, [&](thread_cache& cache) {
    core_.flush_set(f, cache);
    cache.owner.store_release(nullptr);
  });
  let_go_of_caches();
  core_.flush_depots(f); // now that threads on their way out have handed on what they had
  core_.finish(f, true);
}

// Takes the room of a cache whose owner is not at work: with more threads than cores most of them are not,
// and who is at work needs it more. An heir that has less gets all of it as it is, with its blocks. False
// when there is none.
bool thread_magazines::take_room_of_idle(thread_cache* heir) noexcept {
  pool_core::flushed f;
  {
    const std::lock_guard guard(registry_mutex());
    thread_cache* const idle = next_idle(heir);
    if (idle == nullptr) return false;
    const auto for_each = [idle](auto g) { g(*idle); };
    visit_each(for_each, when_busy::skip, [&](thread_cache& cache) {
      if (heir != nullptr && heir->capacity_bytes.load_relaxed() < cache.capacity_bytes.load_relaxed())
        return inherit(f, *heir, cache);
      core_.hand_on_set(f, cache);
      cache.give_up_room();
    });
  }
  core_.finish(f);
  return true;
}

// The heir is the caller's: nobody visits it while the registry mutex is held.
void thread_magazines::inherit(pool_core::flushed& f, thread_cache& heir, thread_cache& from) noexcept {
  core_.hand_on_set(f, heir);
  heir.take_over(from);
  from.forget_all();
  from.give_up_room();
  open(heir);
}

// As the owner's cold path would, class by class, see choose().
void thread_magazines::open(thread_cache& cache) noexcept {
  const bool counted = core_.settling();
  for (size_class c = 0; c < magazine_count; ++c) {
    const bool pushed_and_popped = !counted && !core_.draining(c);
    cache.let_push(c, pushed_and_popped ? cache.capacity(c) : 0);
    cache.let_pop(c, pushed_and_popped);
  }
}

// Looks at a few of those that have room, going round. Who made a cold call since, or any that moved blocks,
// is passed over.
thread_cache* thread_magazines::next_idle(const thread_cache* heir) noexcept {
  constexpr int most_passed = 64, most_looks = 16;
  const thread_cache* const begin = next_looked_at_;
  for (int passed = 0, looks = 0; passed < most_passed && looks < most_looks; ++passed) {
    if (next_looked_at_ == nullptr) next_looked_at_ = first_;
    if (next_looked_at_ == nullptr) break;
    thread_cache& cache = *next_looked_at_;
    next_looked_at_ = cache.next;
    if (&cache != heir && cache.capacity_bytes.load_relaxed() != 0) {
      if (is_idle(cache)) return &cache;
      ++looks;
    }
    if (next_looked_at_ == begin) break; // all of them
  }
  return nullptr;
}

bool thread_magazines::is_idle(thread_cache& cache) noexcept {
  std::uint32_t tops = 0;
  for (const magazine& m : cache.magazines) tops += m.top.load_relaxed();
  const bool moved_none = std::exchange(cache.tops_seen, tops) == tops;
  const bool was_at_work = cache.at_work.exchange(false, std::memory_order_relaxed);
  return cache.parked || (moved_none && !was_at_work);
}

// What threads that are gone had of class `c`, before another slab is asked for.
void thread_magazines::fetch_parked(size_class c) noexcept {
  if (core_.count_depot(c) != 0 || core_.has_free(c)) return;
  pool_core::flushed f;
  {
    const std::lock_guard guard(registry_mutex());
    for (thread_cache* each = first_; each != nullptr; each = each->next)
      if (each->parked && each->count(c) != 0) core_.hand_on_class(f, *each, c);
  }
  core_.finish(f);
}

void thread_magazines::forget_all() noexcept {
  visit(when_busy::wait, [](thread_cache& cache) { cache.forget_all(); });
}

// What was reserved may lie in another thread's magazine: it is fetched before upstream is asked. Others may
// be faster to take what was fetched, but then somebody has got on.
void* thread_magazines::take_reserved(size_class c) noexcept {
  constexpr int tries = 64;
  void* block;
  for (int i = 0; i < tries; ++i) {
    if (core_.refill_from_slabs(c, &block, 1) != 0) return block;
    reclaim(c);
  }
  return nullptr;
}

void thread_magazines::reclaim(size_class c) noexcept {
  if (c >= magazine_count || core_.has_free(c)) return;
  pool_core::flushed f;
  core_.flush_depot(f, c);
  visit(when_busy::wait, [&](thread_cache& cache) {
    if (cache.count(c) != 0) core_.flush_class(f, cache, c);
  });
  core_.finish(f);
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
  const char* wrong = nullptr;
  std::logic_error what("");
  visit(when_busy::skip, [&](thread_cache& cache) {
    try {
      core_.check_set(cache);
    } catch (const std::logic_error& e) {
      what = e;
      wrong = what.what();
    }
  });
  if (wrong != nullptr) throw std::logic_error(what);
}

} // namespace quarry::detail
