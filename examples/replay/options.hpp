#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace quarry_replay {

struct options {
  std::vector<std::filesystem::path> traces;
  std::vector<std::string> resources; ///< beginnings of names; all when there are none
  std::size_t rounds = 5;
  std::optional<std::filesystem::path> svg;
  bool json = false, advise = false, help = false;
};

/// What the command line asks for cannot be done: exit code 2.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

extern const char* const usage;

options parse_options(int argc, char** argv);

} // namespace quarry_replay
