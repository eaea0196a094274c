#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace word_index {

/// The bytes that words are made of: letters, digits, '_', and what UTF-8 uses beyond ASCII.
inline constexpr auto in_word = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte != 256; ++byte)
    table[byte] = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                  (byte >= '0' && byte <= '9') || byte == '_' || byte >= 0x80;
  return table;
}();

constexpr bool is_in_word(char c) { return in_word[static_cast<unsigned char>(c)]; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Calls `visit(word, line)` for every word of the text that does not start with a digit.
template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
  std::uint32_t line = 1;
  for (std::size_t at = 0; at != text.size();) {
    if (!is_in_word(text[at])) {
      line += text[at++] == '\n';
      continue;
    }
    const std::size_t first = at;
    while (at != text.size() && is_in_word(text[at])) ++at;
    if (!is_digit(text[first])) visit(text.substr(first, at - first), line);
  }
}

} // namespace word_index
