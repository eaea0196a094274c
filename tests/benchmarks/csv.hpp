// Reads the raw results back: lines of as many fields as asked for, without the header.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace quarry_bench {

template <std::size_t Fields>
std::vector<std::array<std::string, Fields>> read_csv(const std::filesystem::path& csv) {
  std::vector<std::array<std::string, Fields>> rows;
  std::ifstream in(csv);
  std::string line;
  std::getline(in, line); // the header
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    for (std::string& field : rows.emplace_back())
      if (!std::getline(fields, field, ','))
        throw std::runtime_error(csv.string() + ": too few fields: " + line);
  }
  return rows;
}

} // namespace quarry_bench
