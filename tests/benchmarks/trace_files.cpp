#include "trace_files.hpp"

#include <algorithm>

namespace quarry_bench {
namespace {

bool is_trace(const std::string& file_name) {
  return file_name.ends_with(".qtrace") || file_name.ends_with(".qtrace.xz");
}

} // namespace

std::vector<trace_file> trace_files(const std::filesystem::path& folder) {
  std::vector<trace_file> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string file_name = entry.path().filename().string();
    if (is_trace(file_name)) files.push_back({file_name.substr(0, file_name.find(".qtrace")), entry.path()});
  }
  if (files.empty())
    throw quarry_replay::trace_error(folder.string() + ": no traces (*.qtrace, *.qtrace.xz) here");
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

} // namespace quarry_bench
