#include <quarry/pool_resource.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <new>
#include <stdexcept>

#include "exchange.hpp"
#include "poison.hpp"
#include "pool_core.hpp"
#include "slab_survey.hpp"
#include "thread_magazines.hpp"

namespace quarry {

struct detail::unsynchronized_state {
  unsynchronized_state(const std::pmr::pool_options& options, std::pmr::memory_resource* up) noexcept
      : core(options, up, false) {}
  pool_core core;
  std::size_t magazine_bytes = 0;
  std::size_t cold_calls = 0;
  std::uint32_t bytes_to_count = 0; // freed into magazines, where that is counted
};

struct detail::synchronized_state {
  synchronized_state(const std::pmr::pool_options& options, std::pmr::memory_resource* up,
                     const void* resource, std::size_t table_index) noexcept
      : core(options, up, true), caches(core, resource, table_index) {}
  pool_core core;
  mutable thread_magazines caches;
};

static_assert(sizeof(detail::unsynchronized_state) <= detail::unsynchronized_state_bytes);
static_assert(sizeof(detail::synchronized_state) <= detail::synchronized_state_bytes);

namespace {

constexpr std::size_t calls_before_magazines = 32; // a pool of a few requests does without
constexpr std::size_t least_room = 7 << 16;        // for free blocks
constexpr std::size_t least_magazine_bytes = 4096;
constexpr std::size_t most_magazine_bytes = 16384;

// A request for nothing gets a block like one for a byte.
std::size_t at_least_one(std::size_t bytes) noexcept { return std::max<std::size_t>(bytes, 1); }

size_class class_to_reserve(const detail::pool_core& core, std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment))
    throw std::invalid_argument("quarry: reserve: such requests are oversized");
  return core.class_of(bytes, alignment);
}

// Room for blocks in proportion to what is used, which counts those in magazines: a ninth of that is at most
// an eighth of what is live.
auto room_of(const detail::pool_core& core, const detail::magazine_set& set) {
  return [&](std::size_t more) {
    return set.capacity_bytes.load_relaxed() + more <=
           core.room_for_magazines(least_room, core.bytes_used() / 9);
  };
}

bool is_there(const detail::magazine_set* set) noexcept { return set != &detail::no_magazines; }

// A cold call as any other: then magazines are due.
void* allocate_in_nursery(detail::unsynchronized_state& s, std::size_t last) noexcept {
  if (s.cold_calls >= calls_before_magazines) return nullptr;
  void* const block = s.core.allocate_in_nursery(last);
  if (block != nullptr) ++s.cold_calls;
  return block;
}

// Bytes for a magazine set: twice as many when slots run short, at most three quarters of what is used, so
// that bursts of small blocks fit.
std::size_t due_magazine_bytes(const detail::unsynchronized_state& s,
                               const detail::magazine_set* set) noexcept {
  if (!is_there(set)) return s.cold_calls > calls_before_magazines ? least_magazine_bytes : 0;
  const std::size_t more = 2 * s.magazine_bytes;
  if (more > most_magazine_bytes || set->has_slots(set->slot_count / 2)) return 0;
  return more <= s.core.bytes_used() / 4 * 3 ? more : 0;
}

// Throws what upstream throws, and then the pool has the magazines it had.
void make_magazines(detail::unsynchronized_state& s, detail::magazine_set*& set, std::size_t bytes) {
  void* const memory = s.core.take_bookkeeping(bytes);
  auto* const larger = ::new (memory) detail::magazine_set;
  larger->set_room(bytes - sizeof(detail::magazine_set));
  if (is_there(set)) {
    larger->take_over(*set);
    s.core.give_bookkeeping(set, s.magazine_bytes);
  } else {
    s.core.close_nursery();
  }
  set = larger;
  s.magazine_bytes = bytes;
}

void try_to_make_magazines(detail::unsynchronized_state& s, detail::magazine_set*& set,
                           std::size_t bytes) noexcept {
  try {
    make_magazines(s, set, bytes);
  } catch (...) { // then the pool goes on with what it has
  }
}

void flush_magazines(detail::pool_core& core, detail::magazine_set& set) noexcept {
  detail::pool_core::flushed f;
  core.flush_set(f, set);
  core.flush_depots(f);
  core.finish(f, true);
}

// Not inlined: then what comes before needs no frame.
[[gnu::noinline]] void* allocate_past_nursery(detail::unsynchronized_state& s, detail::magazine_set*& set,
                                              std::size_t bytes, std::size_t alignment) {
  detail::pool_core& core = s.core;
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment)) return core.large().allocate(bytes, alignment);
  if (detail::poisoning()) return core.allocate_poisoned(core.class_of(bytes, alignment), bytes);
  const size_class c = size_class_of_last(last);
  if (!is_there(set)) ++s.cold_calls;
  if (const std::size_t due = due_magazine_bytes(s, set)) try_to_make_magazines(s, set, due);
  if (c < detail::magazine_count && is_there(set)) {
    detail::no_mutex mutex;
    return detail::take(core, *set, mutex, c, room_of(core, *set));
  }
  return core.allocate_early(c);
}

[[gnu::noinline]] void deallocate_past_nursery(detail::unsynchronized_state& s, detail::magazine_set& set,
                                               void* p, std::size_t bytes, std::size_t alignment) noexcept {
  detail::pool_core& core = s.core;
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment)) return core.deallocate_oversized(p, bytes, alignment);
  if (detail::poisoning()) return core.deallocate_poisoned(core.class_of(bytes, alignment), p);
  const size_class c = size_class_of_last(last);
  if (c >= detail::magazine_count || !is_there(&set)) return core.flush(c, &p, 1);
  detail::no_mutex mutex;
  if (!core.settling() || !detail::keep_counted(core, set, mutex, c, p, s.bytes_to_count))
    detail::give(core, set, mutex, c, p, room_of(core, set));
  if (core.reserved(c) == 0 && core.magazines_are_stale()) {
    flush_magazines(core, set);
    if (core.is_thrifty()) set.give_up_room();
  }
}

} // namespace

// ---- unsynchronized

unsynchronized_pool_resource::unsynchronized_pool_resource(const std::pmr::pool_options& options,
                                                           std::pmr::memory_resource* upstream) noexcept {
  ::new (state_) detail::unsynchronized_state(options, upstream);
}

unsynchronized_pool_resource::~unsynchronized_pool_resource() { state().~unsynchronized_state(); }

inline detail::unsynchronized_state& unsynchronized_pool_resource::state() noexcept {
  return *std::launder(reinterpret_cast<detail::unsynchronized_state*>(state_));
}
inline const detail::unsynchronized_state& unsynchronized_pool_resource::state() const noexcept {
  return *std::launder(reinterpret_cast<const detail::unsynchronized_state*>(state_));
}

void* unsynchronized_pool_resource::allocate_cold(std::size_t bytes, std::size_t alignment) {
  if (void* const block = allocate_in_nursery(state(), last_byte_of(at_least_one(bytes), alignment)))
    return block;
  return allocate_past_nursery(state(), magazines_, bytes, alignment);
}

void unsynchronized_pool_resource::deallocate_cold(void* p, std::size_t bytes,
                                                   std::size_t alignment) noexcept {
  const size_class c = size_class_of_last(last_byte_of(at_least_one(bytes), alignment));
  if (!state().core.deallocate_in_nursery(c, p))
    deallocate_past_nursery(state(), *magazines_, p, bytes, alignment);
}

void unsynchronized_pool_resource::release() noexcept {
  magazines_ = &detail::no_magazines;
  state().magazine_bytes = 0;
  state().cold_calls = 0;
  state().core.release_all();
}

std::pmr::memory_resource* unsynchronized_pool_resource::upstream_resource() const noexcept {
  return state().core.upstream_resource();
}

std::pmr::pool_options unsynchronized_pool_resource::options() const noexcept {
  return state().core.options();
}

std::size_t unsynchronized_pool_resource::good_size(std::size_t bytes, std::size_t alignment) const noexcept {
  return state().core.good_size(bytes, alignment);
}

void unsynchronized_pool_resource::reserve(std::size_t bytes, std::size_t alignment, std::size_t count) {
  detail::pool_core& core = state().core;
  const size_class c = class_to_reserve(core, bytes, alignment);
  if (state().magazine_bytes < most_magazine_bytes) // no call upstream for larger ones later
    make_magazines(state(), magazines_, most_magazine_bytes);
  core.reserve(c, count);
}

std::size_t unsynchronized_pool_resource::trim(std::size_t keep_bytes) noexcept {
  detail::pool_core& core = state().core;
  const std::size_t before = core.bytes_given();
  flush_magazines(core, *magazines_);
  core.trim(keep_bytes);
  return core.bytes_given() - before;
}

pool_statistics unsynchronized_pool_resource::statistics() const noexcept {
  std::array<std::size_t, size_class_count> cached{};
  if (is_there(magazines_))
    for (size_class c = 0; c < detail::magazine_count; ++c) cached[c] = magazines_->count(c);
  return state().core.statistics(cached);
}

bool unsynchronized_pool_resource::owns(const void* p) const noexcept { return state().core.owns(p); }

void unsynchronized_pool_resource::check_invariants() const {
  state().core.check_invariants();
  if (is_there(magazines_)) state().core.check_set(*magazines_);
}

detail::slab_survey unsynchronized_pool_resource::survey() const {
  return detail::take_survey(state().core, statistics(), [&](const void** out, std::size_t room) {
    return magazines_->list_blocks(out, room, 0);
  });
}

// ---- synchronized

synchronized_pool_resource::synchronized_pool_resource(const std::pmr::pool_options& options,
                                                       std::pmr::memory_resource* upstream) noexcept
    : table_index_(detail::thread_magazines::next_table_index()) {
  ::new (state_) detail::synchronized_state(options, upstream, this, table_index_);
}

synchronized_pool_resource::~synchronized_pool_resource() { state().~synchronized_state(); }

inline detail::synchronized_state& synchronized_pool_resource::state() noexcept {
  return *std::launder(reinterpret_cast<detail::synchronized_state*>(state_));
}
inline const detail::synchronized_state& synchronized_pool_resource::state() const noexcept {
  return *std::launder(reinterpret_cast<const detail::synchronized_state*>(state_));
}

void* synchronized_pool_resource::allocate_cold(std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (void* const block = state().caches.allocate_in_nursery(last)) return block;
  detail::pool_core& core = state().core;
  if (!core.pooled(last, alignment)) return core.large().allocate(bytes, alignment);
  if (detail::poisoning()) return core.allocate_poisoned(core.class_of(bytes, alignment), bytes);
  return state().caches.allocate(size_class_of_last(last));
}

void synchronized_pool_resource::deallocate_cold(void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (state().caches.deallocate_in_nursery(size_class_of_last(last), p)) return;
  detail::pool_core& core = state().core;
  if (!core.pooled(last, alignment)) return core.deallocate_oversized(p, bytes, alignment);
  if (detail::poisoning()) return core.deallocate_poisoned(core.class_of(bytes, alignment), p);
  state().caches.deallocate(size_class_of_last(last), p);
}

void synchronized_pool_resource::release() noexcept {
  state().caches.forget_all();
  state().core.release_all();
}

std::pmr::memory_resource* synchronized_pool_resource::upstream_resource() const noexcept {
  return state().core.upstream_resource();
}

std::pmr::pool_options synchronized_pool_resource::options() const noexcept { return state().core.options(); }

std::size_t synchronized_pool_resource::good_size(std::size_t bytes, std::size_t alignment) const noexcept {
  return state().core.good_size(bytes, alignment);
}

void synchronized_pool_resource::reserve(std::size_t bytes, std::size_t alignment, std::size_t count) {
  detail::pool_core& core = state().core;
  core.reserve(class_to_reserve(core, bytes, alignment), count);
}

std::size_t synchronized_pool_resource::trim(std::size_t keep_bytes) noexcept {
  detail::pool_core& core = state().core;
  const std::size_t before = core.bytes_given();
  state().caches.flush_all();
  core.trim(keep_bytes);
  return core.bytes_given() - before;
}

pool_statistics synchronized_pool_resource::statistics() const noexcept {
  return state().core.statistics(state().caches.count_blocks());
}

bool synchronized_pool_resource::owns(const void* p) const noexcept { return state().core.owns(p); }

void synchronized_pool_resource::check_invariants() const {
  state().core.check_invariants();
  state().caches.check_invariants();
}

detail::slab_survey synchronized_pool_resource::survey() const {
  return detail::take_survey(state().core, statistics(), [&](const void** out, std::size_t room) {
    return state().caches.list_blocks(out, room);
  });
}

void synchronized_pool_resource::be_default() noexcept { state().caches.be_default(); }

} // namespace quarry
