#pragma once

#include <cstddef>
#include <filesystem>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

namespace word_index {

struct file_list {
  std::vector<std::filesystem::path> files; ///< sorted: a file's number is its place here
  std::size_t unreadable_directories = 0;
};

/// Every regular file under the directories. Symbolic links are not followed.
file_list files_under(const std::vector<std::filesystem::path>& directories);

/// The directories that a C or C++ compiler of the system looks into, as far as they exist.
std::vector<std::filesystem::path> header_directories();

/// Reads whole files, one after another, into the same memory.
class file_reader {
public:
  explicit file_reader(std::pmr::memory_resource* memory) : buffer_(64 << 10, memory) {}

  /// The file's content until the next call; nothing if it cannot be read. A binary file is not read to its
  /// end: some of /proc have none.
  std::optional<std::string_view> read(const std::filesystem::path&);

private:
  std::pmr::vector<char> buffer_;
};

/// No text has a zero byte.
bool is_binary(std::string_view content);

} // namespace word_index
