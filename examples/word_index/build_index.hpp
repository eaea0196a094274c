#pragma once

#include "index.hpp"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <vector>

namespace word_index {

/// What was read and what was skipped.
struct tally {
  std::size_t text_files = 0;
  std::size_t text_bytes = 0;
  std::size_t binary_files = 0;
  std::size_t unreadable_files = 0;
};

inline constexpr int thread_count = 2;

/// Reads all files on `thread_count` threads. While they work, `show(n)` is called now and then with
/// the number of files begun. All memory is `memory`'s, which must be usable from several threads.
index build_index(const std::vector<std::filesystem::path>& files, std::pmr::memory_resource* memory,
                  tally& total, const std::function<void(std::size_t)>& show);

} // namespace word_index
