// I/O buffers from large regions that can be pinned and registered. Rung 6.
#pragma once

#include <cstddef>
#include <limits>
#include <memory_resource>
#include <span>
#include <type_traits>

#include <quarry/page_resource.hpp>
#include <quarry/region.hpp>
#include <quarry/segment.hpp>
#include <quarry/statistics.hpp>
#include <quarry/violation.hpp>

namespace quarry {

namespace detail {
class segment_core;
struct slab_survey;
struct surveyor;
} // namespace detail

struct segment_pool_options {
  static constexpr std::size_t unlimited = (std::numeric_limits<std::size_t>::max)();

  std::size_t slab_size = 1 << 20; ///< bytes of a region; a power of two from 4 KiB to 1 GiB
  /// Larger ones are a region each. From 1 to slab_size; in force it is a size class, from 2 to 256 KiB.
  std::size_t largest_segment = 64 << 10;
  /// Bounds all that is held of upstream, bookkeeping included. Regions are a quarter of it, where that is
  /// less than slab_size. From four times the largest_segment in force on, one of those can always be had on
  /// an empty pool.
  std::size_t byte_limit = unlimited;
  std::size_t retain_bytes = 4 << 20;  ///< empty regions that are kept for reuse
  bool zero_on_free = false;           ///< overwrites every block with zeros when it is freed
  region_observer* observer = nullptr; ///< must outlive the pool
  violation_handler on_violation = {}; ///< else the process-wide one
};

/// Segments: sub-blocks of few large regions, each freed exactly once with the offset and count it was given
/// with, which is checked at every free. Thread-safe; also a memory_resource, whose blocks lie in the same
/// regions.
///
/// A free that is wrong (see violation.hpp) is reported and does nothing: no block of this pool starts there:
/// foreign_pointer; it is not live: double_free; its length is another: wrong_size. A block that was freed
/// and given to someone else since is live: freeing it through its old span can't be told from right.
class segment_pool final : public std::pmr::memory_resource {
public:
  /// Throws std::invalid_argument for options that make no sense, and std::bad_alloc.
  explicit segment_pool(segment_pool_options options = {},
                        std::pmr::memory_resource* upstream = page_resource());
  segment_pool(const segment_pool&) = delete;
  segment_pool& operator=(const segment_pool&) = delete;
  /// Reports segments and spans that are out (`leak`). Handles keep their regions, for which upstream must
  /// live on; spans and blocks of the memory_resource die. A region still held by the observer is given back.
  ~segment_pool() override;

  /// A segment of at least `minimum_size` bytes, with that size, aligned to the largest power of two that
  /// divides its capacity, up to a page. Throws std::bad_alloc over the limit, else what upstream throws;
  /// then nothing has changed but that caches were emptied and empty regions given back.
  [[nodiscard]] segment allocate_segment(std::size_t minimum_size) {
    const std::size_t last = detail::segment_front::last_of(minimum_size);
    if (detail::block_record* const record = front_->take(last)) [[likely]]
      return {*front_, *record, detail::block_sizes[detail::computed_class_of_last(last)], minimum_size};
    if (minimum_size == 0) return segment(empty_bytes().data());
    const detail::recorded_block block = allocate_cold(minimum_size);
    return {*front_, *block.record, block.capacity, minimum_size};
  }
  /// The same; a segment that is false when there is no memory.
  [[nodiscard]] segment try_allocate_segment(std::size_t minimum_size) noexcept;

  // The compatibility layer: raw spans, to be freed exactly once and as they were given. They are the whole
  // capacity of a block. They throw as allocate_segment; a size that no number of bytes is: std::bad_alloc.
  [[nodiscard]] std::span<std::byte> allocate_bytes(std::size_t minimum_size);
  [[nodiscard]] std::span<char> allocate_chars(std::size_t minimum_size) {
    return allocate_array<char>(minimum_size);
  }
  /// At least `minimum_size` elements, uninitialized.
  template <class T>
  [[nodiscard]] std::span<T> allocate_array(std::size_t minimum_size) {
    static_assert(std::is_trivial_v<T>);
    const std::span<std::byte> bytes = allocate_elements(minimum_size, sizeof(T), alignof(T));
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  void deallocate_bytes(std::span<std::byte> bytes) noexcept {
    deallocate_elements(bytes.data(), bytes.size(), 1);
  }
  void deallocate_chars(std::span<char> chars) noexcept { deallocate_array(chars); }
  template <class T>
  void deallocate_array(std::span<T> array) noexcept {
    deallocate_elements(array.data(), array.size(), sizeof(T));
  }
  /// For what segment::release() returned.
  void deallocate_segment(std::span<std::byte> whole) noexcept { deallocate_bytes(whole); }
  /// Not null, length 0: what every request for 0 gets. Freeing it does nothing.
  static std::span<std::byte> empty_bytes() noexcept;

  /// Calls f(const region&) for each region that is held, by ascending address; f may call into the pool.
  template <class Function>
  void for_each_region(Function f) const {
    region r{};
    while (next_region(r)) f(static_cast<const region&>(r));
  }
  /// Gives a region back that the observer held; nothing when it holds none of that id.
  void let_go(std::size_t region_id) noexcept;

  /// Gives everything back upstream, but for held regions and those of handles; bookkeeping too, where there
  /// are none of these. Spans and blocks of the memory_resource are dead. Waits for other calls that are
  /// under way, and they for it. From within upstream, an observer or a violation handler:
  /// aborts and says so.
  void release() noexcept;
  /// Empties the caches of threads and gives back every region without a used block, but for `keep_bytes` of
  /// them. Returns the bytes given back.
  std::size_t trim(std::size_t keep_bytes = 0) noexcept;
  pool_statistics statistics() const noexcept;
  bool owns(const void* p) const noexcept; ///< whether `p` lies in one of the regions
  /// Throws std::logic_error saying what is wrong. Complete when no other thread is inside.
  void check_invariants() const;
  std::pmr::memory_resource* upstream_resource() const noexcept;
  segment_pool_options options() const noexcept; ///< as in force

private:
  friend struct detail::surveyor;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  detail::recorded_block allocate_cold(std::size_t minimum_size);
  std::span<std::byte> allocate_elements(std::size_t count, std::size_t size, std::size_t alignment);
  void deallocate_elements(const void* first, std::size_t count, std::size_t size) noexcept;
  bool next_region(region& r) const noexcept;
  detail::slab_survey survey() const;

  detail::segment_core& core() const noexcept;

  detail::segment_front* const front_;
};

} // namespace quarry
