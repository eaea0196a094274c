// The pieces of a segment chain, with their iovecs side by side. Rung 7.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <sys/uio.h>

#include <quarry/segment.hpp>

namespace quarry::detail {

/// Pieces in order, to be added and removed at both ends: what is read of each (its view, as the kernel takes
/// it) and the segment that keeps it alive (its owner). Both arrays lie in one segment of the pool, so that a
/// table outlives its pool as its pieces do.
///
/// used: [first_, last_) of capacity_; the other owners are there and own nothing.
class piece_table {
public:
  piece_table() noexcept = default;
  piece_table(const piece_table&) = delete;
  piece_table& operator=(const piece_table&) = delete;
  ~piece_table();
  void swap(piece_table& other) noexcept;

  std::size_t size() const noexcept { return last_ - first_; }
  std::span<const iovec> views() const noexcept { return {views_ + first_, size()}; }
  iovec& view(std::size_t i) noexcept { return views_[first_ + i]; }
  /// The last view; of an empty table one of length 0 at null, which nobody may write to.
  iovec& back() noexcept { return *back_; }
  const iovec& back() const noexcept { return *back_; }
  shared_segment& owner(std::size_t i) noexcept { return owners_[first_ + i]; }
  const shared_segment& owner(std::size_t i) const noexcept { return owners_[first_ + i]; }

  /// Makes room for so many pieces at both ends. Throws what the pool throws; then nothing has changed.
  void reserve(segment_pool& pool, std::size_t at_front, std::size_t at_back);

  // Room must be there, and pieces to pop.
  void push_front(shared_segment&& owner, const std::byte* data, std::size_t size) noexcept {
    put(--first_, std::move(owner), data, size);
  }
  void push_back(shared_segment&& owner, const std::byte* data, std::size_t size) noexcept {
    put(last_++, std::move(owner), data, size);
  }
  void pop_front() noexcept {
    owners_[first_++] = {};
    find_back();
  }
  void pop_back() noexcept {
    owners_[--last_] = {};
    find_back();
  }
  /// For when there are no pieces: gives memory back if it is much.
  void rest() noexcept {
    if (capacity_ > least) piece_table().swap(*this);
  }

private:
  static constexpr std::size_t least = 8; // pieces
  static inline constinit iovec nowhere{};

  void put(std::size_t slot, shared_segment&& owner, const std::byte* data, std::size_t size) noexcept {
    owners_[slot] = std::move(owner);
    views_[slot] = {const_cast<std::byte*>(data), size}; // writev only reads
    find_back();
  }
  void find_back() noexcept { back_ = first_ == last_ ? &nowhere : views_ + last_ - 1; }
  void grow(segment_pool& pool, std::size_t capacity);
  void move_to(std::size_t first) noexcept;

  segment memory_;
  iovec* views_ = nullptr;
  shared_segment* owners_ = nullptr;
  iovec* back_ = &nowhere;
  std::size_t first_ = 0, last_ = 0, capacity_ = 0;
};

} // namespace quarry::detail
