// What is freed: looked up, checked, exchanged, given back; or reported.
#include <cstring>

#include "poison.hpp"
#include "segment_core.hpp"
#include "thread_call.hpp"

namespace quarry::detail {

namespace {

// The compiler must not see that nobody reads them.
void fill_with_zeros(void* data, std::size_t bytes) noexcept {
  std::memset(data, 0, bytes);
  asm volatile("" : : "r"(data) : "memory");
}

} // namespace

// Who comes with a bogus address may be looking at a slab that is just being made into another. Each field is
// read once; the state that follows from what was read is that of one slab only.
segment_core::found segment_core::look_up(const void* p) const noexcept {
  if (slab* const s = core_.find(p)) {
    const slab::extent e = s->where();
    const size_class c = s->block_class();
    if (c >= size_class_count) return {};
    const std::size_t index = slab::by_block(c).index_in(e, p);
    if (index == slab::most_blocks) return {};
    return {records_of(*s) + index, free_state(e.base, c, index), c, e.base + index * block_sizes[c],
            block_sizes[c]};
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
  const std::uint32_t free = block_record::free_of(r.seen());
  if (r.is_region()) {
    const region_node& node = node_of(r);
    return {&r, free, size_class_count, node.base, node.bytes};
  }
  const size_class c = slab_of(r).block_class();
  return {&r, free, c, r.address.load_relaxed(), block_sizes[c]};
}

// While busy, and the magazine is open, the end of the pool waits for us.
inline segment_core::outcome segment_core::try_free_hot(const found& f, std::uint32_t seen) noexcept {
  magazine_set& set = *this_thread_table.sets[table_index_];
  if (f.c >= magazine_count || !set.serves(this)) return outcome::cold;
  outcome result = outcome::cold;
  set.enter();
  if (set.may_push(f.c)) {
    const magazine_set::place end = set.end_of(f.c);
    result = outcome::lost;
    if (exchange_for_free(*f.record, seen)) {
      wipe(f);
      set.push_at(end, f.record);
      result = outcome::freed;
    }
  }
  set.leave();
  return result;
}

bool segment_core::try_free(const found& f, std::uint32_t seen) noexcept {
  const outcome hot = try_free_hot(f, seen);
  return hot == outcome::cold ? try_free_cold(f, seen) : hot == outcome::freed;
}

// What is said of the address may be bogus: what it leads to stays while we are inside.
void segment_core::deallocate_elements(const void* p, std::size_t count, std::size_t element_size) noexcept {
  if (p == segment_pool::empty_bytes().data() && count == 0) return;
  const thread_call inside(caches_);
  const found f = look_up(p);
  const bool fits = f.holds_just(count, element_size);
  if (!free_by_address(f, fits))
    report_wrong(f, fits, p, count * element_size, 1,
                 "a segment was freed with another length than it was given with");
}

void segment_core::deallocate(const void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const thread_call inside(caches_);
  const found f = look_up(p);
  const bool fits = f.record != nullptr && f.capacity == capacity_for(bytes, alignment, f.record->holder());
  if (!free_by_address(f, fits))
    report_wrong(f, fits, p, bytes, alignment, "a block was freed with the size of another class");
}

std::size_t segment_core::capacity_for(std::size_t bytes, std::size_t alignment,
                                       block_holder holder) const noexcept {
  return core_.pooled(last_of_aligned(bytes, alignment), alignment)
             ? block_sizes[class_of(bytes, alignment, holder)]
             : whole_pages(bytes, alignment);
}

// A block that a handle has is the handle's to free.
bool segment_core::free_by_address(const found& f, bool fits) noexcept {
  if (f.record == nullptr) return false;
  const std::uint32_t seen = f.record->seen();
  return fits && f.is_live(seen) && !block_record::is_handles(seen) && try_free(f, seen);
}

void segment_core::report_wrong(const found& f, bool fits, const void* p, std::size_t bytes,
                                std::size_t alignment, std::string_view if_of_another_size) const noexcept {
  if (f.record == nullptr)
    return report(violation_kind::foreign_pointer, p, bytes, alignment,
                  "an address was freed where no block of this pool starts");
  const std::uint32_t seen = f.record->seen();
  if (f.is_live(seen) && !fits)
    return report(violation_kind::wrong_size, p, bytes, alignment, if_of_another_size);
  if (f.is_live(seen) && block_record::is_handles(seen))
    return report(violation_kind::double_free, p, bytes, alignment,
                  "a block was freed through its address while a segment has it, which will free it");
  report(violation_kind::double_free, p, bytes, alignment, "a block was freed that is not live");
}

void segment_core::deallocate(block_record& r) noexcept {
  const violation_handler handler = options_.on_violation;
  const found f = look_up(r);
  const std::uint32_t seen = r.seen();
  if (!block_record::is_handles(seen) || !try_free(f, seen))
    report_violation(violation_kind::double_free, f.data, f.capacity, 1,
                     "a segment's block was freed before the segment", handler);
}

bool segment_core::try_free_cold(const found& f, std::uint32_t seen) noexcept {
  inside_.fetch_add(1, std::memory_order_seq_cst);
  if (orphaned_.load(std::memory_order_seq_cst)) [[unlikely]] {
    inside_.fetch_sub(1, std::memory_order_release);
    return try_free_orphan(f, seen);
  }
  bool freed;
  {
    const thread_call inside(caches_); // before the end of the pool may go on
    freed = exchange_for_free(*f.record, seen);
    if (freed) {
      wipe(f);
      give(f);
    }
  }
  inside_.fetch_sub(1, std::memory_order_release);
  return freed;
}

bool segment_core::hand_out(block_record& r) noexcept {
  inside_.fetch_add(1, std::memory_order_seq_cst);
  const bool alive = !orphaned_.load(std::memory_order_seq_cst);
  if (alive) r.become_span();
  inside_.fetch_sub(1, std::memory_order_release);
  return alive;
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
    core_.deallocate(f.c, block);
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

} // namespace quarry::detail
