#pragma once

#include <quarry/segment_chain.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace quarry::test {

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string text_of(std::span<const iovec> pieces) {
  std::string text;
  for (const iovec& piece : pieces) text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  return text;
}

inline std::string text_of(const segment_chain& chain) { return text_of(chain.pieces()); }

// Bytes that differ from place to place, so that none can be lost or swapped unseen.
inline std::string some_text(std::size_t size, unsigned seed = 0) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i != size; ++i) {
    seed = seed * 1664525 + 1013904223;
    text[i] = static_cast<char>('!' + (seed >> 24) % 90);
  }
  return text;
}

} // namespace quarry::test
