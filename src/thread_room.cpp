// What the caches of a pool may hold, and who of its threads: room goes to those at work.
#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "magazine_flush.hpp"
#include "thread_cache.hpp"
#include "thread_magazines.hpp"
#include "thread_visits.hpp"

namespace quarry::detail {

namespace {

std::uint16_t calls_since(const thread_cache& cache, std::uint16_t then) noexcept {
  return static_cast<std::uint16_t>(cache.calls - then);
}

} // namespace

// As many threads as that are at work at once; the room of others is lent to them.
std::size_t thread_magazines::at_work_at_most() noexcept {
  static const std::size_t threads =
      std::max<std::size_t>(std::size_t{2} * std::thread::hardware_concurrency(), 2);
  return threads;
}

// What the caches may hold together; of one thread alone more, since its depot has less.
std::size_t thread_magazines::room_of_all() const noexcept {
  return core_.room().of_magazines(cached_room::least, core_.room().hands_on() ? 20 : 12);
}

void thread_magazines::look_at_room(thread_cache& cache) const noexcept {
  const std::size_t parked = parked_.load(std::memory_order_relaxed);
  const std::size_t threads = std::max(core_.room().sets(), parked + 1) - parked;
  cache.all_seen = room_of_all();
  cache.share_seen = cache.all_seen / std::min(threads, at_work_at_most());
}

// What is used and how many share it is looked up only now and then.
bool thread_magazines::has_room(thread_cache& cache, std::size_t more) const noexcept {
  constexpr std::uint16_t every = 8;
  if (++cache.asked % every == 0) look_at_room(cache);
  if (cache.capacity_bytes.load_relaxed() + more > cache.share_seen) return false;
  const bool is_there = room_bytes_.load_relaxed() + more <= cache.all_seen;
  if (!is_there) cache.lacks_room = true;
  return is_there;
}

// Who lacks room again and again takes what an idle one has, the sooner the better that has turned out.
void thread_magazines::look_for_room(thread_cache& cache) noexcept {
  constexpr std::uint16_t calls_after_none = 16;
  if (cache.capacity_bytes.load_relaxed() >= cache.share_seen / 2) return;
  const std::uint16_t to_wait = std::max(cache.calls_to_wait, patience_.calls());
  if (calls_since(cache, cache.calls_at_search) < to_wait) return;
  cache.calls_at_search = cache.calls;
  cache.calls_to_wait = take_room_of_idle(&cache) ? 0 : calls_after_none;
}

// After a cold call of the owner's: all of them may have more room than there is, since less is used than
// once was, or others what this one could use. Where a magazine was refused more room the next calls are
// quick.
void thread_magazines::see_to_room(thread_cache& cache, std::uint32_t refusals_before) noexcept {
  constexpr std::uint16_t every = 8;
  ++cache.calls;
  cache.quick_calls = cache.refusals == refusals_before ? 0 : every - 1;
  if (!cache.at_work.load(std::memory_order_relaxed)) cache.at_work.store(true, std::memory_order_relaxed);
  if (cache.robbery.load(std::memory_order_relaxed) != 0)
    patience_.note_return(cache.robbery.exchange(0, std::memory_order_relaxed));
  if (std::exchange(cache.lacks_room, false)) look_for_room(cache);
  if (calls_since(cache, cache.calls_at_look) < every) return;
  cache.calls_at_look = cache.calls;
  core_.see_to_depots();
  look_at_room(cache);
  // What is used goes up and down: a little too much for a while is left.
  if (room_bytes_.load_relaxed() <= cache.all_seen + cache.all_seen / 8) return;
  if (cache.capacity_bytes.load_relaxed() > cache.share_seen) return give_up_room(cache);
  take_room_of_idle(nullptr);
}

// The same after a call without a cache: what there may be falls with what is used, also where all that comes
// back is of classes without a magazine.
void thread_magazines::see_to_room_of_all() noexcept {
  core_.see_to_depots();
  if (room_bytes_.load_relaxed() > room_of_all()) take_room_of_idle(nullptr);
}

// The owner's side, which shuts visitors out.
void thread_magazines::give_up_room(thread_cache& cache) noexcept {
  pool_core::flushed f;
  {
    owner_section inside(cache);
    const std::lock_guard guard(inside);
    hand_on_set(core_, f, cache);
    cache.give_up_room();
  }
  core_.finish(f);
}

// ---- room of threads that are not at work

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
      cache.robbery.store(patience_.note_robbery(), std::memory_order_relaxed);
      if (heir != nullptr && heir->capacity_bytes.load_relaxed() < cache.capacity_bytes.load_relaxed())
        return inherit(f, *heir, cache);
      hand_on_set(core_, f, cache);
      cache.give_up_room();
    });
  }
  core_.finish(f);
  return true;
}

// The heir is the caller's: nobody visits it while the registry mutex is held.
void thread_magazines::inherit(pool_core::flushed& f, thread_cache& heir, thread_cache& from) noexcept {
  hand_on_set(core_, f, heir);
  heir.take_over(from);
  from.forget_all();
  from.give_up_room();
  open(heir);
}

// Opens what works as a stack. Where frees are counted, or the class drains, the owner's next cold call opens
// the magazine as it should be, see choose().
void thread_magazines::open(thread_cache& cache) noexcept {
  const bool counted = core_.settling();
  for (size_class c = 0; c < magazine_count; ++c) {
    const bool is_stack = !counted && !core_.pools().draining(c);
    cache.let_push(c, is_stack ? cache.capacity(c) : 0);
    cache.let_pop(c, is_stack);
  }
}

// Looks at a few of those that have room, going round. Who made a cold call since, or any that moved blocks,
// is passed over.
thread_cache* thread_magazines::next_idle(const thread_cache* heir) noexcept {
  constexpr int most_passed = 64, most_looks = 16;
  thread_cache* const begin = next_looked_at_ != nullptr ? next_looked_at_ : first_;
  thread_cache* next = begin;
  for (int passed = 0, looks = 0; next != nullptr && passed < most_passed && looks < most_looks; ++passed) {
    thread_cache& cache = *next;
    next = next_looked_at_ = cache.next != nullptr ? cache.next : first_;
    if (&cache != heir && cache.capacity_bytes.load_relaxed() != 0) {
      if (is_idle(cache)) return &cache;
      ++looks;
    }
    if (next == begin) break; // all of them
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

} // namespace quarry::detail
