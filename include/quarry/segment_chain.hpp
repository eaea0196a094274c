// A scatter/gather buffer: bytes in segments, ready for writev. Rung 7.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include <climits>
#include <sys/uio.h>

#include <quarry/piece_table.hpp>
#include <quarry/segment.hpp>

namespace quarry {

/// A sequence of bytes in pieces of segments: filled at the end (and at the front), taken from the front,
/// as the kernel does with what it is given to write:
///
///     while (!chain.empty()) {
///       const auto batch = chain.iovecs();
///       const ssize_t written = ::writev(fd, batch.data(), static_cast<int>(batch.size()));
///       if (written >= 0) chain.consume(static_cast<std::size_t>(written));   // else see errno
///     }
///
/// Only append and prepend copy bytes; splitting, sharing and consuming count owners of segments. Functions
/// that need memory have it from the pool and throw what the pool throws; then nothing has changed. A chain
/// may outlive its pool, to be read, consumed and destroyed. One thread at a time uses a chain; chains that
/// share segments are independent of each other. After folly::IOBufQueue and Seastar's packet.
class segment_chain {
public:
  explicit segment_chain(segment_pool& pool) noexcept : pool_(&pool) {}
  /// The other chain is empty afterwards, and can be used on.
  segment_chain(segment_chain&& other) noexcept : pool_(other.pool_) { swap(other); }
  segment_chain& operator=(segment_chain&& other) noexcept {
    segment_chain moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~segment_chain() = default;
  void swap(segment_chain& other) noexcept;

  std::size_t size() const noexcept { return before_back_ + pieces_.back().iov_len; }
  [[nodiscard]] bool empty() const noexcept { return pieces_.size() == 0; }

  /// Copies `bytes` to the end: into what is free of the last segment, then into new ones.
  void append(std::span<const std::byte> bytes) {
    if (bytes.size() - 1 < static_cast<std::size_t>(room_end_ - room_)) [[likely]] { // no bytes are too many
      std::byte* const to = room_;
      room_ += bytes.size();
      iovec& back = pieces_.back();
      back.iov_len = static_cast<std::size_t>(room_ - static_cast<std::byte*>(back.iov_base));
      std::memcpy(to, bytes.data(), bytes.size());
    } else {
      append_cold(bytes);
    }
  }

  /// Copies `bytes` to the front: before what an earlier call put there, in the same segment, or into new
  /// ones.
  void prepend(std::span<const std::byte> bytes);

  /// Puts the segment's bytes at the end, without a copy; later appends go on in what is free of it.
  /// Unchanged when this throws.
  void push_back(segment&& bytes);
  void push_back(shared_segment&& bytes);
  void push_back(const shared_segment& bytes) { push_back(shared_segment(bytes)); }

  /// Removes the first `count` bytes. Throws std::out_of_range when there are fewer; then nothing has
  /// changed.
  void consume(std::size_t count);

  /// Removes the first `count` bytes and returns them. Throws std::out_of_range when there are fewer.
  [[nodiscard]] segment_chain split(std::size_t count);

  /// The same bytes once more. What is added to or removed from one chain does not show in the other.
  [[nodiscard]] segment_chain share() const;

  /// What writev is to take next: at most IOV_MAX pieces, none empty. Valid until the chain is changed.
  std::span<const iovec> iovecs() const noexcept {
    const auto all = pieces();
    return all.first(all.size() < IOV_MAX ? all.size() : IOV_MAX);
  }
  /// All pieces, none empty. Valid until the chain is changed.
  std::span<const iovec> pieces() const noexcept { return pieces_.views(); }

private:
  void append_cold(std::span<const std::byte> bytes);
  void set(std::size_t size, std::byte* room_end) noexcept;

  // before_back_ = sum of the pieces' lengths but for the last; none is 0
  // [room_, room_end_): behind the last piece, in its segment; this chain's to write, whoever shares the rest
  // [front_room_, first piece): before it, in its segment; the same. Null: there is none.
  segment_pool* pool_;
  detail::piece_table pieces_;
  std::size_t before_back_ = 0;
  std::byte* room_ = nullptr;
  std::byte* room_end_ = nullptr;
  std::byte* front_room_ = nullptr;
};

} // namespace quarry
