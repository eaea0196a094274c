// The command line of the benchmark program.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <regex>
#include <string>

namespace quarry_bench {

struct options {
  std::size_t rounds = 5;
  std::size_t first_round = 0;
  bool quick = false;
  std::regex filter{""};
  std::regex subjects{""};
  std::optional<std::filesystem::path> traces;
  std::optional<std::filesystem::path> output; // where the raw results are added to
  std::string file = "times.csv";              // their name there
  std::string label;                           // the name under which the only subject is recorded
};

options parse_options(int argc, char** argv); // throws std::invalid_argument

extern const char* const usage;

} // namespace quarry_bench
