// What was measured, as it goes into the raw results and comes out again for the tables.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace quarry_bench {

// The tables: what runs on one thread, on several, and what is about segments.
enum class part { one_thread, several_threads, segments };

struct measurement {
  std::string workload;
  part shown_in;
  std::string subject;
  std::size_t round;
  double ns; // per operation
};

void append_to_file(const std::vector<measurement>& measurements, const std::filesystem::path& csv);
std::vector<measurement> read_from_file(const std::filesystem::path& csv); // empty when there is no such file

} // namespace quarry_bench
