#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace quarry::test {

// What a live block is filled with: words that depend on its owner and on their place, so that a block with
// two owners, or one that is shifted, is seen. Of more than a KiB only a word of each cache line, which one
// depending on the owner: with many owners every word has its turn.
class payload {
public:
  static void write(void* memory, std::size_t bytes, std::size_t id) {
    auto* const to = static_cast<unsigned char*>(memory);
    const std::size_t words = bytes / 8, each = step(words);
    for (std::size_t i = first(each, id); i < words; i += each) {
      const std::uint64_t word = word_of(id, i);
      std::memcpy(to + 8 * i, &word, 8);
    }
    for (std::size_t i = words * 8; i < bytes; ++i) to[i] = static_cast<unsigned char>(id + i);
  }

  static bool is_whole(const void* memory, std::size_t bytes, std::size_t id) {
    const auto* const from = static_cast<const unsigned char*>(memory);
    const std::size_t words = bytes / 8, each = step(words);
    std::uint64_t differences = 0;
    for (std::size_t i = first(each, id); i < words; i += each) {
      std::uint64_t word;
      std::memcpy(&word, from + 8 * i, 8);
      differences |= word ^ word_of(id, i);
    }
    for (std::size_t i = words * 8; i < bytes; ++i)
      differences |= from[i] ^ static_cast<unsigned char>(id + i);
    return differences == 0;
  }

private:
  static std::size_t step(std::size_t words) { return words <= 128 ? 1 : 8; }
  static std::size_t first(std::size_t each, std::size_t id) { return id % each; }
  static std::uint64_t word_of(std::size_t id, std::size_t i) {
    return id * 0x9E3779B97F4A7C15u + i * 0xC2B2AE3D27D4EB4Fu;
  }
};

} // namespace quarry::test
