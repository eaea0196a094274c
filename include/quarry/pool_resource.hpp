// The two pool resources: drop-in for std::pmr's, with more. Rung 6.
#pragma once

#include <cstddef>
#include <memory_resource>

#include <quarry/allocation_result.hpp>
#include <quarry/magazine.hpp>
#include <quarry/statistics.hpp>
#include <quarry/thread_table.hpp>

namespace quarry {

namespace detail {

// What is behind the magazines: in place, so that a constructor calls nobody, and unseen, so that including
// this header costs little.
struct unsynchronized_state;
struct synchronized_state;
struct slab_survey;
struct surveyor;
inline constexpr std::size_t unsynchronized_state_bytes = 2336;
inline constexpr std::size_t synchronized_state_bytes = 2400;

} // namespace detail

/// std::pmr::unsynchronized_pool_resource, faster, and giving memory back. One thread at a time.
///
/// Requests up to options().largest_required_pool_block, rounded up to their alignment, are served from
/// slabs; larger ones go upstream one to one. Every member that allocates throws what upstream throws, and
/// then nothing has changed.
class unsynchronized_pool_resource final : public std::pmr::memory_resource {
public:
  unsynchronized_pool_resource() noexcept
      : unsynchronized_pool_resource({}, std::pmr::get_default_resource()) {}
  explicit unsynchronized_pool_resource(std::pmr::memory_resource* upstream) noexcept
      : unsynchronized_pool_resource({}, upstream) {}
  explicit unsynchronized_pool_resource(const std::pmr::pool_options& options) noexcept
      : unsynchronized_pool_resource(options, std::pmr::get_default_resource()) {}
  unsynchronized_pool_resource(const std::pmr::pool_options& options,
                               std::pmr::memory_resource* upstream) noexcept;
  unsynchronized_pool_resource(const unsynchronized_pool_resource&) = delete;
  unsynchronized_pool_resource& operator=(const unsynchronized_pool_resource&) = delete;
  ~unsynchronized_pool_resource() override;

  /// Hides memory_resource's, so that calls on this type inline.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    detail::magazine_set& set = *magazines_;
    if (void* const block = set.pop(set.magazine_for(last_byte_of(bytes, alignment)))) [[likely]]
      return block;
    return allocate_cold(bytes, alignment);
  }
  /// Gives back what allocate gave, with the same size and alignment. Throws nothing. What is wrong with a
  /// block is reported (violation.hpp) when the cold path meets it, which may be at a later call, or never.
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    detail::magazine_set& set = *magazines_;
    if (set.push(set.magazine_for(last_byte_of(bytes, alignment)), p)) [[likely]]
      return;
    deallocate_cold(p, bytes, alignment);
  }

  /// Gives everything upstream, bookkeeping included, and blocks that callers hold, which are dead then. The
  /// pool can be used on. Must not be called from within upstream.
  void release() noexcept;

  std::pmr::memory_resource* upstream_resource() const noexcept;

  /// What is in force: the limits asked for, rounded up to a size class, or the defaults.
  std::pmr::pool_options options() const noexcept;

  /// A block and its real capacity; it may be deallocated with any size from the one asked to this.
  [[nodiscard]] allocation_result<void*>
  allocate_at_least(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    const std::size_t size = good_size(bytes, alignment);
    return {allocate(size, alignment), size};
  }
  /// The capacity that allocate_at_least would give; of an oversized request `bytes`.
  std::size_t good_size(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) const noexcept;

  /// From now on, until release(), `count` blocks of this request's size class can be live without a call
  /// upstream, those that are live already included. Throws std::invalid_argument when such requests are
  /// oversized, and what upstream throws; then what was reserved before is still reserved.
  void reserve(std::size_t bytes, std::size_t alignment, std::size_t count);

  /// Empties the magazines and gives every chunk without a used block upstream, but for `keep_bytes` of them.
  /// Returns the bytes given back.
  std::size_t trim(std::size_t keep_bytes = 0) noexcept;

  pool_statistics statistics() const noexcept;

  /// Whether `p` lies in memory of this pool.
  bool owns(const void* p) const noexcept;

  /// Throws std::logic_error saying what is wrong.
  void check_invariants() const;

private:
  friend struct detail::surveyor;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  void* allocate_cold(std::size_t bytes, std::size_t alignment);
  void deallocate_cold(void* p, std::size_t bytes, std::size_t alignment) noexcept;
  detail::slab_survey survey() const;
  detail::unsynchronized_state& state() noexcept;
  const detail::unsynchronized_state& state() const noexcept;

  detail::magazine_set* magazines_ = &detail::no_magazines;
  alignas(std::max_align_t) std::byte state_[detail::unsynchronized_state_bytes];
};

/// std::pmr::synchronized_pool_resource, scaling with threads. Any thread may call, and free any block.
///
/// Each thread keeps free blocks in magazines of its own. Calls upstream never overlap, and a thread that
/// needs none never waits for one that does. Everything else is as for the unsynchronized one.
class synchronized_pool_resource final : public std::pmr::memory_resource {
public:
  synchronized_pool_resource() noexcept : synchronized_pool_resource({}, std::pmr::get_default_resource()) {}
  explicit synchronized_pool_resource(std::pmr::memory_resource* upstream) noexcept
      : synchronized_pool_resource({}, upstream) {}
  explicit synchronized_pool_resource(const std::pmr::pool_options& options) noexcept
      : synchronized_pool_resource(options, std::pmr::get_default_resource()) {}
  synchronized_pool_resource(const std::pmr::pool_options& options,
                             std::pmr::memory_resource* upstream) noexcept;
  synchronized_pool_resource(const synchronized_pool_resource&) = delete;
  synchronized_pool_resource& operator=(const synchronized_pool_resource&) = delete;
  ~synchronized_pool_resource() override;

  /// Hides memory_resource's, so that calls on this type inline.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    detail::magazine_set& set = *detail::this_thread_table.sets[table_index_];
    if (set.serves(this)) [[likely]]
      if (void* const block = set.pop_shared(set.magazine_for(last_byte_of(bytes, alignment)))) [[likely]]
        return block;
    return allocate_cold(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    detail::magazine_set& set = *detail::this_thread_table.sets[table_index_];
    if (set.serves(this)) [[likely]]
      if (set.push_shared(set.magazine_for(last_byte_of(bytes, alignment)), p)) [[likely]]
        return;
    deallocate_cold(p, bytes, alignment);
  }

  /// As the unsynchronized one's; every thread's magazines of this pool are dead, too. Waits for other calls
  /// that are under way, and they for it. From within upstream or a violation handler: aborts and says so.
  void release() noexcept;
  std::pmr::memory_resource* upstream_resource() const noexcept;
  std::pmr::pool_options options() const noexcept;
  [[nodiscard]] allocation_result<void*>
  allocate_at_least(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    const std::size_t size = good_size(bytes, alignment);
    return {allocate(size, alignment), size};
  }
  std::size_t good_size(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) const noexcept;
  void reserve(std::size_t bytes, std::size_t alignment, std::size_t count);

  /// As the unsynchronized one's; the magazines of a thread that is inside a call on this pool are left
  /// alone.
  std::size_t trim(std::size_t keep_bytes = 0) noexcept;
  pool_statistics statistics() const noexcept;
  bool owns(const void* p) const noexcept;

  /// Throws std::logic_error saying what is wrong. Complete when no other thread is inside a call on this
  /// pool.
  void check_invariants() const;

private:
  friend struct detail::surveyor;
  friend synchronized_pool_resource& default_pool() noexcept;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  void* allocate_cold(std::size_t bytes, std::size_t alignment);
  void deallocate_cold(void* p, std::size_t bytes, std::size_t alignment) noexcept;
  detail::slab_survey survey() const;

  void be_default() noexcept;
  detail::synchronized_state& state() noexcept;
  const detail::synchronized_state& state() const noexcept;

  const std::size_t table_index_; // where in this_thread_table
  alignas(std::max_align_t) std::byte state_[detail::synchronized_state_bytes];
};

} // namespace quarry
