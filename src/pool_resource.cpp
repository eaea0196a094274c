#include <quarry/pool_resource.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <stdexcept>

#include "exchange.hpp"

namespace quarry {

namespace {

constexpr std::size_t calls_before_magazines = 32; // a pool of a few requests does without
constexpr std::size_t least_room = 15 << 16; // for free blocks; just below 1 MiB
constexpr std::size_t least_magazine_bytes = 4096;
constexpr std::size_t most_magazine_bytes = 16384;

// Bytes for a magazine set, in proportion to what is used.
std::size_t due_magazine_bytes(std::size_t used) noexcept {
  return std::clamp(std::bit_floor(used / 16 + 1), least_magazine_bytes, most_magazine_bytes);
}

// A request for nothing gets a block like one for a byte.
std::size_t at_least_one(std::size_t bytes) noexcept { return std::max<std::size_t>(bytes, 1); }

size_class class_to_reserve(const detail::pool_core& core, std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment)) throw std::invalid_argument("quarry: reserve: such requests are oversized");
  return size_class_of_last(last);
}

} // namespace

// ---- unsynchronized ------------------------------------------------------------------------------------------------

namespace {

// Room for blocks in proportion to what is used.
auto room_of(const detail::pool_core& core, const detail::magazine_set& set) {
  return [&](std::size_t more) {
    return set.capacity_bytes + more <= std::max(least_room, core.bytes_used() / 10);
  };
}

} // namespace

void* unsynchronized_pool_resource::allocate_cold(std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core_.pooled(last, alignment)) return core_.large().allocate(bytes, alignment);
  const size_class c = size_class_of_last(last);
  if (magazines_are_due()) make_magazines(due_magazine_bytes(core_.bytes_used()));
  if (c < detail::magazine_count && has_magazines()) {
    detail::no_mutex mutex;
    return detail::take(core_, *magazines_, mutex, c, room_of(core_, *magazines_));
  }
  void* block;
  core_.refill(c, &block, 1);
  return block;
}

void unsynchronized_pool_resource::deallocate_cold(void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core_.pooled(last, alignment)) return core_.deallocate_oversized(p, bytes, alignment);
  const size_class c = size_class_of_last(last);
  if (c >= detail::magazine_count || !has_magazines()) return core_.flush(c, &p, 1);
  detail::no_mutex mutex;
  detail::give(core_, *magazines_, mutex, c, p, room_of(core_, *magazines_));
}

bool unsynchronized_pool_resource::magazines_are_due() noexcept {
  if (!has_magazines()) return ++cold_calls_ > calls_before_magazines;
  return magazine_bytes_ < most_magazine_bytes && due_magazine_bytes(core_.bytes_used()) > magazine_bytes_;
}

// Without memory for larger ones the pool goes on with what it has.
void unsynchronized_pool_resource::make_magazines(std::size_t bytes) noexcept {
  if (bytes <= magazine_bytes_) return;
  void* memory;
  try {
    memory = core_.take_bookkeeping(bytes);
  } catch (...) {
    return;
  }
  auto* const larger = ::new (memory) detail::magazine_set;
  larger->set_room(bytes - sizeof(detail::magazine_set));
  if (has_magazines()) {
    larger->take_over(*magazines_);
    core_.give_bookkeeping(magazines_, magazine_bytes_);
  }
  magazines_ = larger;
  magazine_bytes_ = bytes;
}

void unsynchronized_pool_resource::release() noexcept {
  magazines_ = &detail::no_magazines;
  magazine_bytes_ = 0;
  cold_calls_ = 0;
  core_.release_all();
}

void unsynchronized_pool_resource::reserve(std::size_t bytes, std::size_t alignment, std::size_t count) {
  const size_class c = class_to_reserve(core_, bytes, alignment);
  core_.reserve(c, count);
  make_magazines(most_magazine_bytes); // no call upstream for larger ones later
}

std::size_t unsynchronized_pool_resource::trim(std::size_t keep_bytes) noexcept {
  detail::pool_core::flushed f;
  if (has_magazines()) core_.flush_set(f, *magazines_);
  const std::size_t before = core_.bytes_given();
  core_.finish(f, true);
  core_.trim(keep_bytes);
  return core_.bytes_given() - before;
}

pool_statistics unsynchronized_pool_resource::statistics() const noexcept {
  std::array<std::size_t, size_class_count> cached{};
  if (has_magazines())
    for (size_class c = 0; c < detail::magazine_count; ++c) cached[c] = magazines_->count(c);
  return core_.statistics(cached);
}

void unsynchronized_pool_resource::check_invariants() const {
  core_.check_invariants();
  if (has_magazines()) core_.check_set(*magazines_);
}

// ---- synchronized --------------------------------------------------------------------------------------------------

void* synchronized_pool_resource::allocate_cold(std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core_.pooled(last, alignment)) return core_.large().allocate(bytes, alignment);
  return caches_.allocate(size_class_of_last(last));
}

void synchronized_pool_resource::deallocate_cold(void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core_.pooled(last, alignment)) return core_.deallocate_oversized(p, bytes, alignment);
  caches_.deallocate(size_class_of_last(last), p);
}

void synchronized_pool_resource::release() noexcept {
  caches_.forget_all();
  core_.release_all();
}

void synchronized_pool_resource::reserve(std::size_t bytes, std::size_t alignment, std::size_t count) {
  core_.reserve(class_to_reserve(core_, bytes, alignment), count);
}

std::size_t synchronized_pool_resource::trim(std::size_t keep_bytes) noexcept {
  const std::size_t before = core_.bytes_given();
  caches_.flush_all();
  core_.trim(keep_bytes);
  return core_.bytes_given() - before;
}

pool_statistics synchronized_pool_resource::statistics() const noexcept {
  return core_.statistics(caches_.count_blocks());
}

void synchronized_pool_resource::check_invariants() const {
  core_.check_invariants();
  caches_.check_invariants();
}

} // namespace quarry
