#include <quarry/segment_pool.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <stdexcept>

#include "segment_core.hpp"

namespace quarry {

namespace {

constexpr std::size_t least_slab = 4096, most_slab = std::size_t{1} << 30;
constexpr std::size_t least_largest_segment = 2048; // so that 4 × it has room for what describes it

// As in force.
segment_pool_options normalized(segment_pool_options options) {
  if (!std::has_single_bit(options.slab_size) || options.slab_size < least_slab ||
      options.slab_size > most_slab)
    throw std::invalid_argument("quarry: slab_size must be a power of two from 4 KiB to 1 GiB");
  std::size_t& largest = options.largest_segment;
  if (largest == 0 || largest > options.slab_size)
    throw std::invalid_argument("quarry: largest_segment must be from 1 byte to slab_size");
  if (options.byte_limit == 0) throw std::invalid_argument("quarry: a byte_limit of 0 allows nothing");
  largest = std::clamp(largest, least_largest_segment, largest_block_size);
  largest = block_size_of(size_class_of(largest, 1));
  return options;
}

std::pmr::memory_resource* not_null(std::pmr::memory_resource* upstream) {
  if (upstream == nullptr) throw std::invalid_argument("quarry: a segment_pool needs an upstream");
  return upstream;
}

} // namespace

segment_pool::segment_pool(segment_pool_options options, std::pmr::memory_resource* upstream)
    : front_(&detail::segment_core::make(normalized(options), not_null(upstream))) {}

segment_pool::~segment_pool() { core().close(); }

detail::segment_core& segment_pool::core() const noexcept {
  return static_cast<detail::segment_core&>(*front_);
}

detail::recorded_block segment_pool::allocate_cold(std::size_t minimum_size) {
  return core().allocate(minimum_size, 1, detail::block_holder::handle);
}

segment segment_pool::try_allocate_segment(std::size_t minimum_size) noexcept {
  try {
    return allocate_segment(minimum_size);
  } catch (...) { // whatever upstream or the observer throws: there is no memory
    return {};
  }
}

std::span<std::byte> segment_pool::empty_bytes() noexcept {
  alignas(std::max_align_t) static std::byte nothing[1];
  return {nothing, 0};
}

std::span<std::byte> segment_pool::allocate_bytes(std::size_t minimum_size) {
  return allocate_elements(minimum_size, 1, 1);
}

std::span<std::byte> segment_pool::allocate_elements(std::size_t count, std::size_t size,
                                                     std::size_t alignment) {
  if (count == 0) return empty_bytes();
  if (count > std::size_t(-1) / size) throw std::bad_alloc();
  const detail::recorded_block block = core().allocate(count * size, alignment, detail::block_holder::span);
  return {block.data(), block.capacity};
}

void segment_pool::deallocate_elements(const void* first, std::size_t count, std::size_t size) noexcept {
  core().deallocate_elements(first, count, size);
}

void* segment_pool::do_allocate(std::size_t bytes, std::size_t alignment) {
  return core().allocate(bytes, alignment, detail::block_holder::resource).data();
}

void segment_pool::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  core().deallocate(p, bytes, alignment);
}

bool segment_pool::next_region(region& r) const noexcept { return core().next_region(r); }
void segment_pool::let_go(std::size_t region_id) noexcept { core().let_go(region_id); }
void segment_pool::release() noexcept { core().release(); }
std::size_t segment_pool::trim(std::size_t keep_bytes) noexcept { return core().trim(keep_bytes); }
pool_statistics segment_pool::statistics() const noexcept { return core().statistics(); }
bool segment_pool::owns(const void* p) const noexcept { return core().owns(p); }
void segment_pool::check_invariants() const { core().check_invariants(); }
std::pmr::memory_resource* segment_pool::upstream_resource() const noexcept {
  return core().upstream_resource();
}
segment_pool_options segment_pool::options() const noexcept { return core().options(); }

} // namespace quarry
