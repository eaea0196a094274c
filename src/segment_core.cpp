#include "segment_core.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <stdexcept>
#include <thread>

#include "poison.hpp"
#include "thread_call.hpp"

namespace quarry::detail {

namespace {

// Regions are a quarter of the limit, where that is less.
segment_pool_options within_limit(segment_pool_options options) noexcept {
  const std::size_t fitting =
      std::max(std::bit_floor(options.byte_limit / 4), std::bit_ceil(options.largest_segment));
  options.slab_size = std::min(options.slab_size, fitting);
  return options;
}

} // namespace

segment_core::segment_core(const segment_pool_options& options, std::pmr::memory_resource* up) noexcept
    : segment_front(thread_magazines::next_table_index(), std::min(magazine_limit, options.largest_segment),
                    options.zero_on_free),
      options_(within_limit(options)), regions_(options.observer),
      core_({options_.slab_size, options.largest_segment, options.byte_limit, options.retain_bytes, regions_,
             slabs_, pools_},
            up),
      caches_(core_, this, table_index_) {}

segment_core& segment_core::make(const segment_pool_options& options, std::pmr::memory_resource* up) {
  void* const memory = page_resource()->allocate(sizeof(segment_core), alignof(segment_core));
  return *::new (memory) segment_core(options, up);
}

// ---- allocating

// What describes blocks is not given back for other blocks. So an empty pool may come to be full of it, but
// not to fail.
recorded_block segment_core::allocate_cold(std::size_t bytes, std::size_t alignment, block_holder holder) {
  try {
    const thread_call inside(caches_);
    return allocate_inside(bytes, alignment, holder);
  } catch (...) {
    if (!regions_.empty() || thread_call::is_within(caches_)) throw;
  }
  {
    const only_call alone(caches_);
    release_what_describes();
  }
  const thread_call inside(caches_);
  return allocate_inside(bytes, alignment, holder);
}

recorded_block segment_core::allocate_inside(std::size_t bytes, std::size_t alignment, block_holder holder) {
  const std::size_t last = last_of_aligned(bytes, alignment);
  if (!core_.pooled(last, alignment)) return allocate_region(bytes, alignment, holder);

  const size_class c = class_of(bytes, alignment, holder);
  const std::size_t usable = holder == block_holder::resource ? bytes : block_sizes[c];
  const auto take = [&] {
    return static_cast<block_record*>(poisoning() ? core_.allocate_poisoned(c, usable) : caches_.allocate(c));
  };
  try {
    return make_live(*take(), c, holder);
  } catch (...) {
    make_room();
    return make_live(*take(), c, holder);
  }
}

// While memory is poisoned, a block of the memory_resource has a tail, where one of the next class may be
// had. Segments are as long as they say.
size_class segment_core::class_of(std::size_t bytes, std::size_t alignment,
                                  block_holder holder) const noexcept {
  if (poisoning() && holder == block_holder::resource) {
    const size_class c = class_with_tail(std::max(bytes, least_block - poisoned_tail), alignment);
    if (block_sizes[c] <= options_.largest_segment) return c;
  }
  return size_class_of_last(last_of_aligned(bytes, alignment));
}

recorded_block segment_core::allocate_region(std::size_t bytes, std::size_t alignment, block_holder holder) {
  const std::size_t size = whole_pages(bytes, alignment);
  if (size < bytes || size == 0) throw std::bad_alloc();
  const std::size_t aligned_to = std::max(page, alignment);
  void* memory;
  try {
    memory = core_.large().allocate(size, aligned_to);
  } catch (...) {
    make_room();
    memory = core_.large().allocate(size, aligned_to);
  }
  block_record& r = regions_.find(memory)->record;
  r.set_live(holder);
  if (holder == block_holder::resource) // until it goes upstream
    poison(static_cast<std::byte*>(memory) + bytes, size - bytes);
  return {&r, size};
}

// Memory is out, or the limit reached: what nobody uses goes upstream.
void segment_core::make_room() noexcept {
  caches_.flush_all(thread_magazines::when_busy::wait);
  core_.trim(0);
}

// ---- seeing

std::size_t segment_core::region_id_of(block_record& r) const noexcept {
  return r.is_region() ? node_of(r).id : core_.chunk_of(slab_of(r)).id;
}

std::size_t segment_core::region_offset_of(block_record& r) const noexcept {
  return r.is_region() ? 0
                       : static_cast<std::size_t>(r.address.load_relaxed() - core_.chunk_of(slab_of(r)).base);
}

void segment_core::let_go(std::size_t id) noexcept {
  const thread_call inside(caches_);
  regions_.let_go(core_.door(), id);
}

pool_statistics segment_core::statistics() const noexcept {
  const thread_call inside(caches_);
  return core_.statistics(caches_.count_blocks(), size_class_of(least_block, 1));
}

std::size_t segment_core::trim(std::size_t keep_bytes) noexcept {
  const thread_call inside(caches_);
  caches_.flush_all();
  return core_.trim(keep_bytes);
}

void segment_core::check_invariants() const {
  const thread_call inside(caches_);
  core_.check_invariants();
  caches_.check_invariants();
  regions_.check_invariants();
  if (core_.door().held() > options_.byte_limit)
    throw std::logic_error("quarry: more is held than the limit");
  for (size_class c = 0; c < size_class_count; ++c) check_records(c);
}

// What others free or allocate meanwhile may be missed, but not the same twice.
void segment_core::check_records(size_class c) const {
  std::size_t lost_before = 0;
  for (int tries = 0; tries < 100; ++tries, std::this_thread::yield()) {
    std::size_t used = 0, live = 0;
    core_.pools().for_each_slab(c, [&](slab& s) {
      if (bookkeeping::bytes_in(s.list) < recorded_slab_bytes(s.blocks))
        throw std::logic_error("quarry: a slab has more records than memory for them");
      for (std::size_t i = 0; i < s.blocks; ++i) {
        const bool is_live = records_of(s)[i].is_live();
        if (is_live && s.is_free(i)) throw std::logic_error("quarry: a live block is free in its slab");
        used += !s.is_free(i);
        live += is_live;
      }
    });
    const std::size_t cached = (c < magazine_count ? caches_.count_blocks()[c] : 0) +
                               core_.depots().count(c) + core_.count_quarantine()[c];
    const std::size_t lost = used - live - cached;
    if (lost == 0 || (tries != 0 && lost != lost_before)) return;
    lost_before = lost;
  }
  throw std::logic_error("quarry: a block is neither live, nor cached, nor free");
}

} // namespace quarry::detail
