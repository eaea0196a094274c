// The resource that one thread uses at a time; the other one: pool_resource_shared.cpp.
#include <quarry/pool_resource.hpp>

#include <new>

#include "magazine_way.hpp"
#include "own_magazines.hpp"
#include "pool_core.hpp"
#include "pool_route.hpp"
#include "slab_survey.hpp"

namespace quarry {

struct detail::unsynchronized_state {
  unsynchronized_state(const std::pmr::pool_options& options, std::pmr::memory_resource* up,
                       magazine_set*& set) noexcept
      : core(options, up, false), magazines(core, set) {}
  pool_core core;
  own_magazines magazines;
};

static_assert(sizeof(detail::unsynchronized_state) <= detail::unsynchronized_state_bytes);

namespace {

// What is not inlined makes that what comes before needs no frame.

[[gnu::noinline]] void deallocate_by_core(detail::unsynchronized_state& s, void* p, std::size_t bytes,
                                          std::size_t alignment) noexcept {
  if (!s.core.deallocate_in_nursery(last_byte_of(bytes, alignment), p))
    detail::deallocate_past_nursery(s, p, bytes, alignment);
}

void deallocate_uncounted(detail::unsynchronized_state& s, void* p, std::size_t bytes,
                          std::size_t alignment) noexcept {
  if (!s.core.deallocate_near_window(last_byte_of(bytes, alignment), p))
    deallocate_by_core(s, p, bytes, alignment);
}

[[gnu::noinline]] void deallocate_by_magazines(detail::unsynchronized_state& s, void* p, std::size_t bytes,
                                               std::size_t alignment) noexcept {
  const size_class c = detail::magazine_of_last(last_byte_of(bytes, alignment));
  if (!push_counted(s.magazines.set(), c, p)) deallocate_uncounted(s, p, bytes, alignment);
}

} // namespace

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
  if (void* const block = state().magazines.allocate_in_nursery(last_byte_of(bytes, alignment))) return block;
  return detail::allocate_past_nursery(state(), bytes, alignment);
}

[[gnu::noinline]] void unsynchronized_pool_resource::deallocate_cold(void* p, std::size_t bytes,
                                                                     std::size_t alignment) noexcept {
  if (magazines_ != &detail::no_magazines) return deallocate_by_magazines(state(), p, bytes, alignment);
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
  const size_class c = detail::class_to_reserve(core, bytes, alignment);
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

} // namespace quarry
