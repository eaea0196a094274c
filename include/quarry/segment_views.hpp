// A segment chain as range-v3 views: its bytes, its pieces. Rung 7; the one public header that needs
// range-v3.
#pragma once

#include <cstddef>
#include <iterator>
#include <span>

#include <range/v3/view/subrange.hpp>
#include <range/v3/view/transform.hpp>
#include <sys/uio.h>

#include <quarry/segment_chain.hpp>

namespace quarry {

namespace detail {

inline std::span<const std::byte> bytes_of(const iovec& piece) noexcept {
  return {static_cast<const std::byte*>(piece.iov_base), piece.iov_len};
}

} // namespace detail

/// Goes through the bytes of all pieces of a chain, forth and back. Valid until the chain is changed.
class chain_byte_iterator {
public:
  using value_type = std::byte;
  using reference = const std::byte&;
  using pointer = const std::byte*;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::bidirectional_iterator_tag;

  chain_byte_iterator() noexcept = default;
  chain_byte_iterator(std::span<const iovec> pieces, const iovec* piece) noexcept
      : piece_(piece), last_piece_(pieces.data() + pieces.size()) {
    enter();
  }

  reference operator*() const noexcept { return *at_; }
  pointer operator->() const noexcept { return at_; }
  chain_byte_iterator& operator++() noexcept {
    if (++at_ == end_) {
      ++piece_;
      enter();
    }
    return *this;
  }
  chain_byte_iterator operator++(int) noexcept {
    auto old = *this;
    ++*this;
    return old;
  }
  chain_byte_iterator& operator--() noexcept {
    if (piece_ == last_piece_ || at_ == detail::bytes_of(*piece_).data()) {
      --piece_;
      enter();
      at_ = end_;
    }
    --at_;
    return *this;
  }
  chain_byte_iterator operator--(int) noexcept {
    auto old = *this;
    --*this;
    return old;
  }
  friend bool operator==(const chain_byte_iterator& a, const chain_byte_iterator& b) noexcept {
    return a.piece_ == b.piece_ && a.at_ == b.at_;
  }

private:
  void enter() noexcept { // a piece, at its begin, or the place behind the last
    const auto bytes = piece_ == last_piece_ ? std::span<const std::byte>() : detail::bytes_of(*piece_);
    at_ = bytes.data();
    end_ = bytes.data() + bytes.size();
  }

  const iovec* piece_ = nullptr;
  const iovec* last_piece_ = nullptr;
  const std::byte *at_ = nullptr, *end_ = nullptr; // in the piece; null behind the last
};

/// The bytes of the chain as one bidirectional range with a size, where they are. Valid until it is changed.
inline auto bytes(const segment_chain& chain) noexcept {
  const auto pieces = chain.pieces();
  const chain_byte_iterator first(pieces, pieces.data()), last(pieces, pieces.data() + pieces.size());
  return ranges::make_subrange(first, last, chain.size());
}
void bytes(segment_chain&&) = delete;

/// Its pieces as a random access range of std::span<const std::byte>. Valid until the chain is changed.
inline auto spans(const segment_chain& chain) noexcept {
  const auto pieces = chain.pieces();
  return ranges::views::transform(ranges::make_subrange(pieces.data(), pieces.data() + pieces.size()),
                                  [](const iovec& piece) { return detail::bytes_of(piece); });
}
void spans(segment_chain&&) = delete;

} // namespace quarry
