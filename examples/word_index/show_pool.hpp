#pragma once

#include <filesystem>
#include <vector>

namespace word_index {

/// Builds the index once more, on a pool of quarry's, and shows what that pool is like with all of it in: a
/// table on standard output, a picture in `picture`.
void show_pool(const std::vector<std::filesystem::path>& files, const std::filesystem::path& picture);

} // namespace word_index
