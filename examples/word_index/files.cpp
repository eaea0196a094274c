#include "files.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <glob.h>
#include <memory>
#include <system_error>

namespace word_index {
namespace fs = std::filesystem;
namespace {

void add_files_under(const fs::path& directory, file_list& found) {
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::file_status status = entries->symlink_status(error);
    if (fs::is_directory(status)) add_files_under(entries->path(), found);
    if (fs::is_regular_file(status)) found.files.push_back(entries->path());
  }
  if (error) ++found.unreadable_directories;
}

// Files of /proc may have something to say only later.
std::FILE* open_without_waiting(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  return descriptor < 0 ? nullptr : ::fdopen(descriptor, "rb");
}

} // namespace

file_list files_under(const std::vector<fs::path>& directories) {
  file_list found;
  for (const fs::path& directory : directories) add_files_under(directory, found);
  std::sort(found.files.begin(), found.files.end());
  return found;
}

std::vector<fs::path> header_directories() {
  std::vector<fs::path> directories;
  for (const char* pattern : {"/usr/include", "/usr/local/include", "/usr/lib/gcc/*/*/include",
                              "/usr/lib/llvm-*/include", "/usr/lib/llvm-*/lib/clang/*/include"}) {
    glob_t matches{};
    if (::glob(pattern, 0, nullptr, &matches) == 0)
      directories.insert(directories.end(), matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
    ::globfree(&matches);
  }
  for (fs::path& directory : directories) directory = fs::canonical(directory);
  std::sort(directories.begin(), directories.end());
  directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
  return directories;
}

std::optional<std::string_view> file_reader::read(const fs::path& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(open_without_waiting(path), close);
  if (!file) return std::nullopt;
  std::setvbuf(file.get(), nullptr, _IONBF, 0); // straight into our buffer
  std::size_t size = 0;
  while (const std::size_t count = std::fread(buffer_.data() + size, 1, buffer_.size() - size, file.get())) {
    const bool binary = is_binary({buffer_.data() + size, count});
    size += count;
    if (binary) break;
    if (size == buffer_.size()) buffer_.resize(2 * size);
  }
  if (std::ferror(file.get())) return std::nullopt;
  return std::string_view(buffer_.data(), size);
}

bool is_binary(std::string_view content) { return content.find('\0') != content.npos; }

} // namespace word_index
