#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace word_index {

/// Where a word was found: the file's number in the list of files, and the line, from 1.
struct posting {
  std::uint32_t file;
  std::uint32_t line;

  friend auto operator<=>(const posting&, const posting&) = default;
};

/// Lets the map be asked for a `string_view`, without a string made for the question.
struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

using index =
    std::pmr::unordered_map<std::pmr::string, std::pmr::vector<posting>, text_hash, std::equal_to<>>;

/// Adds every word of a file, once a line. Files must come in ascending order.
void add_text(index&, std::uint32_t file, std::string_view text);

/// Moves all that `from` knows into `into`. Both must have the same memory resource.
void merge(index& into, index& from);

} // namespace word_index
