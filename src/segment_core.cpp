#include "segment_core.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <stdexcept>
#include <thread>

#include "poison.hpp"

namespace quarry::detail {

namespace {

constexpr std::size_t page = 4096;

// A quarter of the limit, where that is less.
std::size_t slab_size_within(const segment_pool_options& options) noexcept {
  const std::size_t fitting =
      std::max(std::bit_floor(options.byte_limit / 4), std::bit_ceil(options.largest_segment));
  return std::min(options.slab_size, fitting);
}

// Bytes of a region for one segment; 0 when there is no such number.
std::size_t whole_pages(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t unit = std::max(page, alignment);
  return (std::max<std::size_t>(bytes, 1) + unit - 1) & ~(unit - 1);
}

} // namespace

segment_core::segment_core(const segment_pool_options& options, std::pmr::memory_resource* up) noexcept
    : options_(options), table_index_(thread_magazines::next_table_index()),
      hot_limit_(std::min(magazine_limit, options.largest_segment)), regions_(options.observer),
      core_({slab_size_within(options), options.largest_segment, options.byte_limit, options.retain_bytes,
             regions_, slabs_},
            up),
      caches_(core_, this, table_index_) {}

// The compiler must not see that nobody reads them.
void fill_with_zeros(void* data, std::size_t bytes) noexcept {
  std::memset(data, 0, bytes);
  asm volatile("" : : "r"(data) : "memory");
}

segment_core& segment_core::make(const segment_pool_options& options, std::pmr::memory_resource* up) {
  void* const memory = page_resource()->allocate(sizeof(segment_core), alignof(segment_core));
  return *::new (memory) segment_core(options, up);
}

// ---- allocating

void segment_core::allocate_cold(segment_block& out, std::size_t bytes, std::size_t alignment,
                                 block_holder holder) {
  const std::size_t last = last_of(bytes, alignment);
  if (!core_.pooled(last, alignment)) return allocate_region(out, bytes, alignment, holder);
  const size_class c = class_of(bytes, alignment, holder);
  const std::size_t usable = holder == block_holder::resource ? bytes : block_sizes[c];
  const auto take = [&] {
    return static_cast<block_record*>(poisoning() ? core_.allocate_poisoned(c, usable) : caches_.allocate(c));
  };
  block_record* r;
  try {
    r = take();
  } catch (const std::bad_alloc&) {
    make_room();
    r = take();
  }
  make_live(out, *r, c, holder);
}

// While memory is poisoned, a block of the memory_resource has a tail, where one of the next class may be
// had. Segments are as long as they say.
size_class segment_core::class_of(std::size_t bytes, std::size_t alignment,
                                  block_holder holder) const noexcept {
  if (poisoning() && holder == block_holder::resource) {
    const size_class c = class_with_tail(std::max(bytes, least_block - poisoned_tail), alignment);
    if (block_sizes[c] <= options_.largest_segment) return c;
  }
  return size_class_of_last(last_of(bytes, alignment));
}

void segment_core::allocate_region(segment_block& out, std::size_t bytes, std::size_t alignment,
                                   block_holder holder) {
  const std::size_t size = whole_pages(bytes, alignment);
  if (size < bytes || size == 0) throw std::bad_alloc();
  const std::size_t aligned_to = std::max(page, alignment);
  void* memory;
  try {
    memory = core_.large().allocate(size, aligned_to);
  } catch (const std::bad_alloc&) {
    make_room();
    memory = core_.large().allocate(size, aligned_to);
  }
  block_record& r = regions_.find(memory)->record;
  r.set_live(holder);
  out = {static_cast<std::byte*>(memory), size, &r, this};
}

// Memory is out, or the limit reached: what nobody uses goes upstream.
void segment_core::make_room() noexcept {
  caches_.flush_all(thread_magazines::when_busy::wait);
  core_.trim(0);
}

// ---- freeing

// Who comes with a bogus address may be looking at a slab that is just being made into another. Each field is
// read once; the state that follows from what was read is that of one slab only.
segment_core::found segment_core::look_up(const void* p) const noexcept {
  if (slab* const s = core_.find(p)) {
    std::byte* const base = s->base;
    const size_class c = s->block_class();
    if (c >= size_class_count) return {};
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(p) - base);
    const std::size_t index = (offset * block_reciprocals[c]) >> 40;
    if (index >= s->blocks || index * block_sizes[c] != offset) return {};
    return {records_of(*s) + index, free_state(base, c, index), c, base + offset, block_sizes[c]};
  }
  found region;
  regions_.at(p, [&](region_node& node) {
    if (node.record.is_region())
      region = {&node.record, free_region_state(node.base), size_class_count, node.base, node.bytes};
  });
  return region;
}

// What a handle knows is true.
segment_core::found segment_core::look_up(block_record& r) const noexcept {
  const std::uint32_t free =
      r.state.load(std::memory_order_relaxed) & ~(block_record::live_bit | block_record::holder_bits);
  if (r.is_region()) {
    const region_node& node = node_of(r);
    return {&r, free, size_class_count, node.base, node.bytes};
  }
  const size_class c = slab_of(r).block_class();
  return {&r, free, c, r.address, block_sizes[c]};
}

void segment_core::deallocate_elements(const void* p, std::size_t count, std::size_t element_size) noexcept {
  if (p == segment_pool::empty_bytes().data() && count == 0) return;
  const found f = look_up(p);
  if (f.record == nullptr)
    return report(violation_kind::foreign_pointer, p, count * element_size, 1,
                  "an address was freed where no block of this pool starts");
  if (f.record->is_live() && f.capacity / element_size != count)
    return report(violation_kind::wrong_size, p, count * element_size, 1,
                  "a segment was freed with another length than it was given with");
  free_or_report(f, count * element_size, 1);
}

void segment_core::deallocate(const void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const found f = look_up(p);
  if (f.record == nullptr)
    return report(violation_kind::foreign_pointer, p, bytes, alignment,
                  "an address was freed where no block of this pool starts");
  const std::size_t last = last_of(bytes, alignment);
  const std::size_t capacity = core_.pooled(last, alignment)
                                   ? block_sizes[class_of(bytes, alignment, f.record->holder())]
                                   : whole_pages(bytes, alignment);
  if (f.record->is_live() && f.capacity != capacity)
    return report(violation_kind::wrong_size, p, bytes, alignment,
                  "a block was freed with the size of another class");
  free_or_report(f, bytes, alignment);
}

// A block that a handle has is the handle's to free.
void segment_core::free_or_report(const found& f, std::size_t bytes, std::size_t alignment) noexcept {
  if (f.record->is_live() && f.record->holder() == block_holder::handle)
    return report(violation_kind::double_free, f.data, bytes, alignment,
                  "a block was freed through its address while a segment has it, which will free it");
  if (!try_free(f))
    report(violation_kind::double_free, f.data, bytes, alignment, "a block was freed that is not live");
}

void segment_core::deallocate_handle_cold(const segment_block& block) noexcept {
  const violation_handler handler = options_.on_violation;
  if (!try_free_cold(look_up(*block.record)))
    report_violation(violation_kind::double_free, block.data, block.capacity, 1,
                     "a segment's block was freed before the segment", handler);
}

bool segment_core::try_free(const found& f) noexcept {
  const std::uint32_t seen = f.record->state.load(std::memory_order_relaxed);
  if ((seen & ~block_record::holder_bits) != (f.free | block_record::live_bit)) return false;
  const outcome hot = f.c < magazine_count ? try_free_hot(*f.record, seen, f.c, f.data) : outcome::cold;
  return hot == outcome::cold ? try_free_cold(f) : hot == outcome::freed;
}

bool segment_core::try_free_cold(const found& f) noexcept {
  inside_.fetch_add(1, std::memory_order_seq_cst);
  if (orphaned_.load(std::memory_order_seq_cst)) [[unlikely]] {
    inside_.fetch_sub(1, std::memory_order_release);
    return try_free_orphan(f);
  }
  const bool freed = f.record->try_free(f.free);
  if (freed) {
    wipe(f);
    give(f);
  }
  inside_.fetch_sub(1, std::memory_order_release);
  return freed;
}

void segment_core::give(const found& f) noexcept {
  if (f.c == size_class_count || poisoning() || orphaned_.load(std::memory_order_seq_cst))
    return give_to_slab(f);
  caches_.deallocate(f.c, f.record);
}

void segment_core::give_to_slab(const found& f) noexcept {
  void* const block = f.record;
  if (f.c == size_class_count)
    core_.deallocate_oversized(f.data, f.capacity, node_of(*f.record).alignment());
  else if (poisoning())
    core_.deallocate_poisoned(f.c, block);
  else
    core_.flush(f.c, &block, 1);
}

void segment_core::wipe(const found& f) const noexcept {
  if (!options_.zero_on_free) return;
  unpoison(f.data, f.capacity); // the tail too
  fill_with_zeros(f.data, f.capacity);
}

void segment_core::report(violation_kind kind, const void* p, std::size_t bytes, std::size_t alignment,
                          std::string_view what) const noexcept {
  report_violation(kind, p, bytes, alignment, what, options_.on_violation);
}

// ---- seeing

std::size_t segment_core::region_id_of(block_record& r) const noexcept {
  return r.is_region() ? node_of(r).id : core_.chunk_of(slab_of(r)).id;
}

std::size_t segment_core::region_offset_of(block_record& r) const noexcept {
  return r.is_region() ? 0 : static_cast<std::size_t>(r.address - core_.chunk_of(slab_of(r)).base);
}

std::size_t segment_core::trim(std::size_t keep_bytes) noexcept {
  const std::size_t before = core_.bytes_given();
  caches_.flush_all();
  core_.trim(keep_bytes);
  return core_.bytes_given() - before;
}

void segment_core::check_invariants() const {
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
    core_.for_each_slab(c, [&](slab& s) {
      for (std::size_t i = 0; i < s.blocks; ++i) {
        const bool is_live = records_of(s)[i].is_live();
        if (is_live && s.is_free(i)) throw std::logic_error("quarry: a live block is free in its slab");
        used += !s.is_free(i);
        live += is_live;
      }
    });
    const std::size_t cached =
        (c < magazine_count ? caches_.count_blocks()[c] : 0) + core_.count_quarantine()[c];
    const std::size_t lost = used - live - cached;
    if (lost == 0 || (tries != 0 && lost != lost_before)) return;
    lost_before = lost;
  }
  throw std::logic_error("quarry: a block is neither live, nor cached, nor free");
}

} // namespace quarry::detail
