// What a subject held at its peak on a trace, as it goes into the raw results and comes out again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace quarry_bench {

struct memory_result {
  std::string trace, subject;
  std::size_t peak_asked, peak_counted, upstream_calls;
};

void write_to_file(const std::vector<memory_result>& results, const std::filesystem::path& csv);
std::vector<memory_result>
read_memory_results(const std::filesystem::path& csv); // empty when there is no file

} // namespace quarry_bench
