// A pool: all slabs of one class. Rung 3.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>

#include <quarry/intrusive_list.hpp>
#include <quarry/slab.hpp>
#include <quarry/slab_source.hpp>
#include <quarry/usage.hpp>

namespace quarry::detail {

/// Blocks that a flush brings back, and what is wrong with some.
struct bad_block {
  void* address;
  bool listed_free; // a double free, else no block of this class starts there
  slab* in;
};

// Slabs are listed by the power of two of how many free blocks they have; full ones are in bucket 0.
//
//   carved = Σ blocks, free = Σ free_count over the slabs;   used = carved − free
//   no slab is empty, but for those that reserve() asked to keep
class pool {
public:
  static constexpr std::size_t most_at_once = 64; ///< blocks of one refill or flush

  pool(size_class c, slab_source& source, usage& use, bool shared) noexcept
      : class_(c), source_(source), usage_(use), mutex_(shared) {}

  /// Takes 1 to `count` free blocks, lowest addresses of at most two slabs first; returns how many.
  /// Throws what upstream throws, and then nothing has changed.
  std::size_t refill(void** out, std::size_t count);

  /// The same without the slab source: returns 0 when no slab has a free block.
  std::size_t refill_from_slabs(void** out, std::size_t count) noexcept {
    const std::lock_guard guard(mutex_);
    return take_from_slabs(out, fair_count(count));
  }

  /// Marks blocks free. Slabs that come to be empty are put before `emptied`, linked by `next`, for slab_source::give.
  /// Blocks that no slab of this class has as used are put into `bad`; returns how many those are.
  std::size_t flush(void* const* blocks, std::size_t count, slab*& emptied, bad_block* bad) noexcept;

  /// Holds at least `blocks` from now on. Throws what upstream throws, and then holds what it held.
  void reserve(std::size_t blocks);
  std::size_t reserved() const noexcept { return reserved_.load(std::memory_order_relaxed); }

  /// True while much of the class is free: then freed blocks should not be handed out again soon, so that slabs empty.
  bool draining() const noexcept { return draining_.load(std::memory_order_relaxed); }

  struct counts {
    std::size_t slabs, carved, free;
  };
  counts count() const noexcept;

  /// Calls f(slab) for each slab, under the mutex.
  template <class Function>
  void for_each_slab(Function f) const {
    const std::lock_guard guard(mutex_);
    for (const auto& list : buckets_)
      for (const slab* s = list.front(); s != nullptr; s = s->next) f(*s);
  }
  void check_invariants() const;

private:
  static constexpr std::size_t bucket_count = 10;

  static std::size_t bucket_of(const slab& s) noexcept {
    return static_cast<std::size_t>(std::bit_width(unsigned{s.free_count}));
  }
  slab* fullest_with(std::size_t wanted) const noexcept;
  std::size_t fair_count(std::size_t count) const noexcept;
  std::size_t take_from_slabs(void** out, std::size_t count) noexcept;
  std::size_t take_from(slab& s, void** out, std::size_t count) noexcept;
  void find_slabs(void* const* blocks, std::size_t count, slab** found) const noexcept;
  void settle(slab& s, slab*& emptied) noexcept;
  void add(slab& s) noexcept;
  void relist(slab& s) noexcept;
  bool may_go(const slab& s) const noexcept;
  void note_occupancy() noexcept;

  const size_class class_;
  slab_source& source_;
  usage& usage_;
  mutable optional_mutex mutex_;
  std::array<intrusive_list<slab>, bucket_count> buckets_{};
  std::size_t slabs_ = 0;
  std::size_t carved_ = 0;
  std::size_t free_ = 0;
  std::atomic<std::size_t> reserved_ = 0;
  std::atomic<bool> draining_ = false;
};

} // namespace quarry::detail
