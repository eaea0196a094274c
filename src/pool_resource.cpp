#include <quarry/pool_resource.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>

#include "exchange.hpp"
#include "own_magazines.hpp"
#include "poison.hpp"
#include "pool_core.hpp"
#include "slab_survey.hpp"
#include "thread_call.hpp"
#include "thread_magazines.hpp"

namespace quarry {

struct detail::unsynchronized_state {
  unsynchronized_state(const std::pmr::pool_options& options, std::pmr::memory_resource* up,
                       magazine_set*& set) noexcept
      : core(options, up, false), magazines(core, set) {}
  pool_core core;
  own_magazines magazines;
};

struct detail::synchronized_state {
  synchronized_state(const std::pmr::pool_options& options, std::pmr::memory_resource* up,
                     const void* resource, std::size_t table_index) noexcept
      : core(options, up, true), magazines(core, resource, table_index) {}
  pool_core core;
  mutable thread_magazines magazines;
};

static_assert(sizeof(detail::unsynchronized_state) <= detail::unsynchronized_state_bytes);
static_assert(sizeof(detail::synchronized_state) <= detail::synchronized_state_bytes);

namespace {

// A request for nothing gets a block like one for a byte.
std::size_t at_least_one(std::size_t bytes) noexcept { return std::max<std::size_t>(bytes, 1); }

size_class class_to_reserve(const detail::pool_core& core, std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment))
    throw std::invalid_argument("quarry: reserve: such requests are oversized");
  return core.class_of(bytes, alignment);
}

// None of these are inlined: then what comes before needs no frame.
template <class State>
[[gnu::noinline]] void* allocate_past_nursery(State& s, std::size_t bytes, std::size_t alignment) {
  detail::pool_core& core = s.core;
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment)) return core.large().allocate(bytes, alignment);
  if (detail::poisoning()) return core.allocate_poisoned(core.class_of(bytes, alignment), bytes);
  return s.magazines.allocate(size_class_of_last(last));
}

template <class State>
[[gnu::noinline]] void deallocate_past_nursery(State& s, void* p, std::size_t bytes,
                                               std::size_t alignment) noexcept {
  detail::pool_core& core = s.core;
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment)) return core.deallocate_oversized(p, bytes, alignment);
  if (detail::poisoning()) return core.deallocate_poisoned(core.class_of(bytes, alignment), p);
  s.magazines.deallocate(size_class_of_last(last), p);
}

[[gnu::noinline]] void deallocate_uncounted(detail::unsynchronized_state& s, void* p, std::size_t bytes,
                                            std::size_t alignment) noexcept {
  const size_class c = size_class_of_last(last_byte_of(at_least_one(bytes), alignment));
  if (!s.core.deallocate_in_nursery(c, p)) deallocate_past_nursery(s, p, bytes, alignment);
}

[[gnu::noinline]] void deallocate_uncounted(detail::synchronized_state& s, void* p, std::size_t bytes,
                                            std::size_t alignment) noexcept {
  const size_class c = size_class_of_last(last_byte_of(at_least_one(bytes), alignment));
  if (s.magazines.deallocate_in_nursery(c, p)) return;
  const detail::thread_call inside(s.magazines);
  deallocate_past_nursery(s, p, bytes, alignment);
}

} // namespace

// ---- unsynchronized

unsynchronized_pool_resource::unsynchronized_pool_resource(const std::pmr::pool_options& options,
                                                           std::pmr::memory_resource* upstream) noexcept {
  ::new (state_) detail::unsynchronized_state(options, upstream, magazines_);
}

unsynchronized_pool_resource::~unsynchronized_pool_resource() { state().~unsynchronized_state(); }

inline detail::unsynchronized_state& unsynchronized_pool_resource::state() noexcept {
  return *std::launder(reinterpret_cast<detail::unsynchronized_state*>(state_));
}
inline const detail::unsynchronized_state& unsynchronized_pool_resource::state() const noexcept {
  return *std::launder(reinterpret_cast<const detail::unsynchronized_state*>(state_));
}

[[gnu::noinline]] void* unsynchronized_pool_resource::allocate_cold(std::size_t bytes,
                                                                    std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (void* const block = state().magazines.allocate_in_nursery(last)) return block;
  return allocate_past_nursery(state(), bytes, alignment);
}

[[gnu::noinline]] void unsynchronized_pool_resource::deallocate_cold(void* p, std::size_t bytes,
                                                                     std::size_t alignment) noexcept {
  const bool has_magazines = magazines_ != &detail::no_magazines;
  if (has_magazines && push_counted(*magazines_, detail::magazine_of_last(last_byte_of(bytes, alignment)), p))
    return;
  deallocate_uncounted(state(), p, bytes, alignment);
}

void unsynchronized_pool_resource::release() noexcept {
  const detail::own_magazines::set_memory magazines = state().magazines.remove();
  state().core.release_all();
  state().magazines.give_back(magazines);
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
  state().magazines.make_largest();
  core.pools().of(c).reserve(count);
}

std::size_t unsynchronized_pool_resource::trim(std::size_t keep_bytes) noexcept {
  state().magazines.flush();
  return state().core.trim(keep_bytes);
}

pool_statistics unsynchronized_pool_resource::statistics() const noexcept {
  return state().core.statistics(state().magazines.count_blocks());
}

bool unsynchronized_pool_resource::owns(const void* p) const noexcept { return state().core.owns(p); }

void unsynchronized_pool_resource::check_invariants() const {
  state().core.check_invariants();
  state().magazines.check_invariants();
}

detail::slab_survey unsynchronized_pool_resource::survey() const {
  return detail::take_survey(state().core, statistics(), [&](const void** out, std::size_t room) {
    return state().magazines.list_blocks(out, room);
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

[[gnu::noinline]] void* synchronized_pool_resource::allocate_cold(std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (void* const block = state().magazines.allocate_in_nursery(last)) return block;
  const detail::thread_call inside(state().magazines);
  return allocate_past_nursery(state(), bytes, alignment);
}

[[gnu::noinline]] void synchronized_pool_resource::deallocate_cold(void* p, std::size_t bytes,
                                                                   std::size_t alignment) noexcept {
  if (state().magazines.push_counted(detail::magazine_of_last(last_byte_of(bytes, alignment)), p)) return;
  deallocate_uncounted(state(), p, bytes, alignment);
}

void synchronized_pool_resource::release() noexcept {
  const detail::only_call alone(state().magazines);
  state().magazines.forget_all();
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
  const detail::thread_call inside(state().magazines);
  detail::pool_core& core = state().core;
  core.pools().of(class_to_reserve(core, bytes, alignment)).reserve(count);
}

std::size_t synchronized_pool_resource::trim(std::size_t keep_bytes) noexcept {
  const detail::thread_call inside(state().magazines);
  state().magazines.flush_all();
  return state().core.trim(keep_bytes);
}

pool_statistics synchronized_pool_resource::statistics() const noexcept {
  const detail::thread_call inside(state().magazines);
  return state().core.statistics(state().magazines.count_blocks());
}

bool synchronized_pool_resource::owns(const void* p) const noexcept {
  const detail::thread_call inside(state().magazines);
  return state().core.owns(p);
}

void synchronized_pool_resource::check_invariants() const {
  const detail::thread_call inside(state().magazines);
  state().core.check_invariants();
  state().magazines.check_invariants();
}

detail::slab_survey synchronized_pool_resource::survey() const {
  const detail::thread_call inside(state().magazines);
  return detail::take_survey(state().core, statistics(), [&](const void** out, std::size_t room) {
    return state().magazines.list_blocks(out, room);
  });
}

void synchronized_pool_resource::be_default() noexcept { state().magazines.be_default(); }

} // namespace quarry
