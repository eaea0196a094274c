// What is behind a segment pool: the slabs of a pool core with a record for each block, regions, and the
// caches of threads. Rung 6.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <mutex>

#include "block_record.hpp"
#include "pool_core.hpp"
#include "regions.hpp"
#include "thread_magazines.hpp"
#include <quarry/segment_pool.hpp>

namespace quarry::detail {

struct slab_survey;

// It outlives its pool while handles are out. Who frees is inside, by the busy flag of its cache or counted
// in `inside_`, before it exchanges the state of a record:
//
//   who frees:  busy ← 1, or ++inside_ · orphaned? · exchange the state · give the block back · leave
//   destructor: orphaned ← true · inside_ = 0? · close the caches (their owners shut out) · inside_ = 0? ·
//   count
//               what is live
//
// so each handle is either freed by then or counted, and the last of the counted ends the core.
class segment_core {
public:
  /// On pages of the system. Throws std::bad_alloc.
  static segment_core& make(const segment_pool_options& options, std::pmr::memory_resource* up);
  segment_core(const segment_core&) = delete;
  segment_core& operator=(const segment_core&) = delete;

  /// A live block for (bytes, alignment). Throws std::bad_alloc over the limit, else what upstream throws.
  void allocate(segment_block& out, std::size_t bytes, std::size_t alignment, block_holder holder);

  /// Frees what somebody says is `count` elements of `element_size` at `p`; reports when it is not.
  void deallocate_elements(const void* p, std::size_t count, std::size_t element_size) noexcept;
  /// The same for a block of the memory_resource.
  void deallocate(const void* p, std::size_t bytes, std::size_t alignment) noexcept;
  /// Frees what a handle has.
  void deallocate(const segment_block& block) noexcept;

  void let_go(std::size_t id) noexcept { regions_.let_go(core_.door(), id); }
  void release() noexcept;
  std::size_t trim(std::size_t keep_bytes) noexcept;
  /// The pool's end: reports what is out, and ends the core, or leaves that to the last handle.
  void close() noexcept;

  pool_statistics statistics() const noexcept { return core_.statistics(caches_.count_blocks()); }
  bool owns(const void* p) const noexcept { return regions_.find(p) != nullptr; }
  bool next_region(region& r) const noexcept { return regions_.next(r); }
  std::size_t region_id_of(block_record& r) const noexcept;
  std::size_t region_offset_of(block_record& r) const noexcept;
  void check_invariants() const;
  slab_survey survey() const;

  std::pmr::memory_resource* upstream_resource() const noexcept { return core_.upstream_resource(); }
  const segment_pool_options& options() const noexcept { return options_; }

private:
  segment_core(const segment_pool_options& options, std::pmr::memory_resource* up) noexcept;
  ~segment_core() = default;

  // A block that starts at an address, if any does.
  struct found {
    block_record* record = nullptr;
    std::uint32_t free = 0; // the state it has when it is free
    size_class c = 0;       // size_class_count: a region
    std::byte* data = nullptr;
    std::size_t capacity = 0;
  };

  // What is less than this gets a block of this: a record for less would be too much.
  static constexpr std::size_t least_block = 64;
  static std::size_t last_of(std::size_t bytes, std::size_t alignment) noexcept {
    return last_byte_of(std::max(bytes, least_block), alignment);
  }

  size_class class_of(std::size_t bytes, std::size_t alignment, block_holder holder) const noexcept;
  void make_live(segment_block& out, block_record& r, size_class c, block_holder holder) noexcept;
  void allocate_cold(segment_block& out, std::size_t bytes, std::size_t alignment, block_holder holder);
  void allocate_region(segment_block& out, std::size_t bytes, std::size_t alignment, block_holder holder);
  void make_room() noexcept;

  found look_up(const void* p) const noexcept;
  found look_up(block_record& r) const noexcept;
  void free_or_report(const found& f, std::size_t bytes, std::size_t alignment) noexcept;
  enum class outcome { freed, lost, cold };
  bool try_free(const found& f) noexcept;
  outcome try_free_hot(block_record& r, std::uint32_t seen, size_class c, void* data) noexcept;
  void deallocate_handle_cold(const segment_block& block) noexcept;
  bool try_free_cold(const found& f) noexcept;
  bool try_free_orphan(const found& f) noexcept;
  void give(const found& f) noexcept;
  void give_to_slab(const found& f) noexcept;
  void wipe(const found& f) const noexcept;
  void report(violation_kind kind, const void* p, std::size_t bytes, std::size_t alignment,
              std::string_view what) const noexcept;

  template <class Function>
  void for_each_live(Function f) noexcept;
  std::size_t free_all_but_handles() noexcept;
  void report_leaks() noexcept;
  void wait_for_visitors() const noexcept;
  void end() noexcept;
  void check_records(size_class c) const;

  const segment_pool_options options_;
  const std::size_t table_index_;
  const std::size_t hot_limit_; // requests that end beyond it take the cold path
  regions regions_;
  bookkeeping slabs_; // slabs with their records; guarded by the slab source's mutex
  pool_core core_;
  mutable thread_magazines caches_;
  std::atomic<std::size_t> inside_ = 0;
  std::atomic<bool> orphaned_ = false;
  std::mutex orphan_mutex_;
  std::size_t handles_ = 0; // of an orphan; guarded by orphan_mutex_
};

/// The compiler can't drop it.
void fill_with_zeros(void* data, std::size_t bytes) noexcept;

// ---- the hot path

inline void segment_core::make_live(segment_block& out, block_record& r, size_class c,
                                    block_holder holder) noexcept {
  r.set_live(holder);
  out.data = r.address;
  out.capacity = block_sizes[c];
  out.record = &r;
  out.core = this;
}

inline void segment_core::allocate(segment_block& out, std::size_t bytes, std::size_t alignment,
                                   block_holder holder) {
  const std::size_t last = last_of(bytes, alignment);
  magazine_set& set = *this_thread_table.sets[table_index_];
  if (last < hot_limit_ && set.serves(this)) [[likely]] {
    const size_class c = size_class_of_last(last);
    if (void* const record = set.pop_shared(c)) [[likely]]
      return make_live(out, *static_cast<block_record*>(record), c, holder);
  }
  allocate_cold(out, bytes, alignment, holder);
}

// Inside while busy; whose set it is must be asked there, since the pool may be at its end. A visitor that
// closes the magazine after that waits for us to leave.
inline segment_core::outcome segment_core::try_free_hot(block_record& r, std::uint32_t seen, size_class c,
                                                        void* data) noexcept {
  magazine_set& set = *this_thread_table.sets[table_index_];
  outcome result = outcome::cold;
  set.enter();
  if (set.serves(this) && set.may_push(c)) [[likely]] {
    const magazine_set::place end = set.end_of(c);
    result = outcome::lost;
    if (r.exchange_for_free(seen)) [[likely]] {
      if (options_.zero_on_free) [[unlikely]]
        fill_with_zeros(data, block_sizes[c]);
      set.push_at(end, &r);
      result = outcome::freed;
    }
  }
  set.leave();
  return result;
}

inline void segment_core::deallocate(const segment_block& block) noexcept {
  const std::size_t last = block.capacity - 1;
  if (last < hot_limit_) [[likely]] {
    const std::uint32_t seen = block.record->state.load(std::memory_order_relaxed);
    if (block_record::is_handles(seen)) [[likely]]
      if (try_free_hot(*block.record, seen, size_class_of_last(last), block.data) == outcome::freed)
          [[likely]]
        return;
  }
  deallocate_handle_cold(block);
}

} // namespace quarry::detail
