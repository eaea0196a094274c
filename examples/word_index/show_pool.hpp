#pragma once

#include <filesystem>
#include <optional>
#include <vector>

namespace word_index {

/// Builds the index once more, on a pool of quarry's, and shows what that pool is like with all of it in: a
/// table on standard output, and a picture in `picture`, if any.
void show_pool(const std::vector<std::filesystem::path>& files,
               const std::optional<std::filesystem::path>& picture);

} // namespace word_index
