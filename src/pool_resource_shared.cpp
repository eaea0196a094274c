// The resource that threads share.
#include <quarry/pool_resource.hpp>

#include <new>

#include "pool_core.hpp"
#include "pool_route.hpp"
#include "slab_survey.hpp"
#include "thread_call.hpp"
#include "thread_magazines.hpp"

namespace quarry {

struct detail::synchronized_state {
  synchronized_state(const std::pmr::pool_options& options, std::pmr::memory_resource* up,
                     const void* resource, std::size_t table_index) noexcept
      : core(options, up, true), magazines(core, resource, table_index) {}
  pool_core core;
  mutable thread_magazines magazines;
};

static_assert(sizeof(detail::synchronized_state) <= detail::synchronized_state_bytes);

namespace {

[[gnu::noinline]] void deallocate_uncounted(detail::synchronized_state& s, void* p, std::size_t bytes,
                                            std::size_t alignment) noexcept {
  if (s.magazines.deallocate_in_nursery(last_byte_of(bytes, alignment), p)) return;
  const detail::thread_call inside(s.magazines);
  detail::deallocate_past_nursery(s, p, bytes, alignment);
}

} // namespace

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
  if (void* const block = state().magazines.allocate_in_nursery(last_byte_of(bytes, alignment))) return block;
  const detail::thread_call inside(state().magazines);
  return detail::allocate_past_nursery(state(), bytes, alignment);
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
  const size_class c = detail::class_to_reserve(core, bytes, alignment);
  core.pools().of(c).reserve(count);
  core.flush_depot(c); // which takes none any more
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
