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

// It outlives its pool while handles are out. Who frees, or makes a span of a handle, is inside, by the busy
// flag of its cache or counted in `inside_`, before it changes the state of a record:
//
//   who frees:  busy ← 1 · magazine open?, or ++inside_ · orphaned? ·
//               change the state · give the block back · leave
//   destructor: orphaned ← true · inside_ = 0? · close the caches (their owners shut out) · inside_ = 0? ·
//               count the handles
//
// so each handle is either freed by then or counted. Who frees one later, and the destructor, leaves when its
// block has come back, and the last to leave ends the core.
class segment_core : public segment_front {
public:
  /// On pages of the system. Throws std::bad_alloc.
  static segment_core& make(const segment_pool_options& options, std::pmr::memory_resource* up);

  /// A live block for (bytes, alignment). Throws std::bad_alloc over the limit, else what upstream throws.
  recorded_block allocate(std::size_t bytes, std::size_t alignment, block_holder holder);

  /// Frees what somebody says is `count` elements of `element_size` at `p`; reports when it is not.
  void deallocate_elements(const void* p, std::size_t count, std::size_t element_size) noexcept;
  /// The same for a block of the memory_resource.
  void deallocate(const void* p, std::size_t bytes, std::size_t alignment) noexcept;
  /// Frees what a handle has.
  void deallocate(block_record& r) noexcept;
  /// Makes a span of what a handle has; false when the pool has gone.
  bool hand_out(block_record& r) noexcept;

  void let_go(std::size_t id) noexcept;
  void release() noexcept;
  std::size_t trim(std::size_t keep_bytes) noexcept;
  /// The pool's end: reports what is out, and ends the core, or leaves that to the last handle.
  void close() noexcept;

  pool_statistics statistics() const noexcept;
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

    bool is_live(std::uint32_t seen) const noexcept {
      return block_record::is_live(seen) && block_record::free_of(seen) == free;
    }
    // Whether `count` elements are all that fit, and some; no division, which takes longer than the rest.
    bool holds_just(std::size_t count, std::size_t element_size) const noexcept {
      std::size_t bytes;
      return !__builtin_mul_overflow(count, element_size, &bytes) && bytes != 0 &&
             capacity - bytes < element_size;
    }
  };

  static std::size_t last_of_aligned(std::size_t bytes, std::size_t alignment) noexcept {
    return last_byte_of(std::max(bytes, least_block), alignment);
  }
  static constexpr std::size_t page = 4096;
  // Bytes of a region for one segment; 0 when there is no such number.
  static std::size_t whole_pages(std::size_t bytes, std::size_t alignment) noexcept {
    const std::size_t unit = std::max(page, alignment);
    return (std::max<std::size_t>(bytes, 1) + unit - 1) & ~(unit - 1);
  }

  size_class class_of(std::size_t bytes, std::size_t alignment, block_holder holder) const noexcept;
  recorded_block allocate_cold(std::size_t bytes, std::size_t alignment, block_holder holder);
  recorded_block allocate_inside(std::size_t bytes, std::size_t alignment, block_holder holder);
  recorded_block make_live(block_record& r, size_class c, block_holder holder) noexcept;
  recorded_block allocate_region(std::size_t bytes, std::size_t alignment, block_holder holder);
  void make_room() noexcept;

  found look_up(const void* p) const noexcept;
  found look_up(block_record& r) const noexcept;
  bool free_by_address(const found& f, bool fits) noexcept;
  void report_wrong(const found& f, bool fits, const void* p, std::size_t bytes, std::size_t alignment,
                    std::string_view if_of_another_size) const noexcept;
  std::size_t capacity_for(std::size_t bytes, std::size_t alignment, block_holder holder) const noexcept;
  bool try_free(const found& f, std::uint32_t seen) noexcept;
  enum class outcome { freed, lost, cold };
  outcome try_free_hot(const found& f, std::uint32_t seen) noexcept;
  bool try_free_cold(const found& f, std::uint32_t seen) noexcept;
  bool try_free_orphan(const found& f, std::uint32_t seen) noexcept;
  void give(const found& f) noexcept;
  void give_to_slab(const found& f) noexcept;
  void wipe(const found& f) const noexcept;
  void report(violation_kind kind, const void* p, std::size_t bytes, std::size_t alignment,
              std::string_view what) const noexcept;

  template <class Function>
  void for_each_live(Function f) noexcept;
  std::size_t count_handles() noexcept;
  void free_all_but_handles() noexcept;
  void leave_orphan() noexcept;
  void release_what_describes() noexcept;
  void report_leaks() noexcept;
  void wait_for_visitors() const noexcept;
  void end() noexcept;
  void check_records(size_class c) const;

  const segment_pool_options options_;
  regions regions_;
  bookkeeping slabs_; // slabs with their records; guarded by the slab source's mutex
  alignas(pool) std::byte pools_[pool_set::bytes_of_all];
  pool_core core_;
  mutable thread_magazines caches_;
  std::atomic<std::size_t> inside_ = 0;
  std::atomic<bool> orphaned_ = false;
  std::mutex orphan_mutex_;
  // Of an orphan, guarded by orphan_mutex_: its handles, once they are counted, and calls that are inside, of
  // which the end of the pool is one.
  std::size_t users_ = 1;
  bool handles_counted_ = false;
};

inline recorded_block segment_core::make_live(block_record& r, size_class c, block_holder holder) noexcept {
  r.set_live(holder);
  return {&r, block_sizes[c]};
}

inline recorded_block segment_core::allocate(std::size_t bytes, std::size_t alignment, block_holder holder) {
  const std::size_t last = last_of_aligned(bytes, alignment);
  magazine_set& set = *this_thread_table.sets[table_index_];
  if (last < hot_limit_ && set.serves(this)) [[likely]]
    if (void* const record = set.pop_shared(size_class_of_last(last))) [[likely]]
      return make_live(*static_cast<block_record*>(record), size_class_of_last(last), holder);
  return allocate_cold(bytes, alignment, holder);
}

} // namespace quarry::detail
