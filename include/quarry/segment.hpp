// Handles to I/O buffers of a segment_pool: one owner, or shared and read-only. Rung 6.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <quarry/segment_front.hpp>

namespace quarry {

class segment_pool;
class shared_segment;

namespace detail {

inline void give_back(const segment_block& b) noexcept { b.front->give(*b.record, b.capacity); }

// The last one alone need not count: nobody else can.
inline void drop_share(const segment_block& b) noexcept {
  if (b.record->shares.load_acquire() == 1 || b.record->shares.subtract(1) == 0) give_back(b);
}

std::size_t region_id_of(const segment_block&) noexcept;
std::size_t region_offset_of(const segment_block&) noexcept;
bool hand_out_span(const segment_block&) noexcept;
[[noreturn]] void throw_beyond_capacity();
[[noreturn]] void throw_beyond_end();

} // namespace detail

/// A sub-block of a large region, owned: freed once, by its destructor, on any thread, also after its pool
/// has gone. Move-only; a contiguous range of bytes. Moved from, or when try_allocate_segment failed, it is
/// false and has no data; the empty segment, what a request for 0 gets, is true.
class segment {
public:
  static constexpr std::size_t no_slab = ~std::size_t{0};

  segment() noexcept = default;
  segment(segment&& other) noexcept
      : block_(std::exchange(other.block_, {})), size_(std::exchange(other.size_, 0)) {}
  segment& operator=(segment&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    block_ = std::exchange(other.block_, {});
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~segment() { give_back(); }
  void swap(segment& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
  }

  std::byte* data() noexcept { return block_.data; }
  const std::byte* data() const noexcept { return block_.data; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return block_.capacity; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  std::span<std::byte> span() noexcept { return {block_.data, size_}; }
  std::span<const std::byte> span() const noexcept { return {block_.data, size_}; }
  std::byte* begin() noexcept { return block_.data; }
  std::byte* end() noexcept { return block_.data + size_; }
  const std::byte* begin() const noexcept { return block_.data; }
  const std::byte* end() const noexcept { return block_.data + size_; }
  explicit operator bool() const noexcept { return block_.data != nullptr; }

  /// Changes size(), not the bytes. Throws std::length_error above capacity().
  void resize(std::size_t size) {
    if (size > block_.capacity) detail::throw_beyond_capacity();
    size_ = size;
  }

  /// Gives up the block: its whole capacity, to be freed by segment_pool::deallocate_segment. When the pool
  /// has gone nobody could free it: then this gives nothing, and the segment keeps the block.
  [[nodiscard]] std::span<std::byte> release() noexcept {
    if (block_.record != nullptr && !detail::hand_out_span(block_)) return {};
    const std::span<std::byte> whole(block_.data, block_.capacity);
    block_ = {};
    size_ = 0;
    return whole;
  }

  /// Turns into bytes that are read by many: size() of them. Allocates nothing.
  [[nodiscard]] shared_segment share() && noexcept;

  /// The id of the region it lies in (see segment_pool::for_each_region), and where in it, in bytes; no_slab
  /// and 0 when it lies in none.
  std::size_t slab_id() const noexcept {
    return block_.record == nullptr ? no_slab : detail::region_id_of(block_);
  }
  std::size_t slab_offset() const noexcept {
    return block_.record == nullptr ? 0 : detail::region_offset_of(block_);
  }

private:
  friend segment_pool;

  segment(detail::segment_front& front, detail::block_record& record, std::size_t capacity,
          std::size_t size) noexcept
      : block_{record.address.load_relaxed(), capacity, &record, &front}, size_(size) {}
  explicit segment(std::byte* nothing) noexcept : block_{nothing, 0, nullptr, nullptr} {}

  void give_back() noexcept {
    if (block_.record != nullptr) detail::give_back(block_);
  }

  detail::segment_block block_;
  std::size_t size_ = 0;
};

/// Read-only bytes of a segment that several own: copies count, the last returns the block. Copying, slicing
/// and sharing allocate nothing. A contiguous range; copies may live on different threads.
class shared_segment {
public:
  shared_segment() noexcept = default;
  shared_segment(const shared_segment& other) noexcept : shared_segment(other.block_, other.bytes_) {
    if (block_.record != nullptr) block_.record->shares.add_relaxed(1);
  }
  shared_segment(shared_segment&& other) noexcept
      : block_(std::exchange(other.block_, {})), bytes_(std::exchange(other.bytes_, {})) {}
  shared_segment& operator=(shared_segment other) noexcept {
    swap(other);
    return *this;
  }
  ~shared_segment() {
    if (block_.record != nullptr) detail::drop_share(block_);
  }
  void swap(shared_segment& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(bytes_, other.bytes_);
  }

  const std::byte* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  std::span<const std::byte> span() const noexcept { return bytes_; }
  const std::byte* begin() const noexcept { return bytes_.data(); }
  const std::byte* end() const noexcept { return bytes_.data() + bytes_.size(); }
  explicit operator bool() const noexcept { return bytes_.data() != nullptr; }

  /// `count` of its bytes from `offset` on, as one more owner; a slice of 0 bytes owns nothing. Throws
  /// std::out_of_range when they are not all in it.
  [[nodiscard]] shared_segment slice(std::size_t offset, std::size_t count) const;

  std::size_t slab_id() const noexcept {
    return block_.record == nullptr ? segment::no_slab : detail::region_id_of(block_);
  }
  std::size_t slab_offset() const noexcept {
    return block_.record == nullptr
               ? 0
               : detail::region_offset_of(block_) + static_cast<std::size_t>(bytes_.data() - block_.data);
  }

private:
  friend segment;

  shared_segment(const detail::segment_block& block, std::span<const std::byte> bytes) noexcept
      : block_(block), bytes_(bytes) {}

  detail::segment_block block_;
  std::span<const std::byte> bytes_;
};

inline shared_segment segment::share() && noexcept {
  if (block_.record != nullptr) block_.record->shares.store_relaxed(1);
  const std::span<const std::byte> bytes(block_.data, std::exchange(size_, 0));
  return {std::exchange(block_, {}), bytes};
}

inline shared_segment shared_segment::slice(std::size_t offset, std::size_t count) const {
  if (offset > bytes_.size() || count > bytes_.size() - offset) detail::throw_beyond_end();
  const std::span<const std::byte> bytes = bytes_.subspan(offset, count);
  if (count == 0) return {{}, bytes_.first(0)};
  if (block_.record != nullptr) block_.record->shares.add_relaxed(1);
  return {block_, bytes};
}

} // namespace quarry
