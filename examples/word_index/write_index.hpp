#pragma once

#include "index.hpp"

#include <filesystem>
#include <vector>

namespace word_index {

/// Writes the files with their numbers, then a line a word, sorted: "word 3:17,20 8:1" (file:line,line).
void write_index(const index&, const std::vector<std::filesystem::path>& files,
                 const std::filesystem::path& output);

} // namespace word_index
