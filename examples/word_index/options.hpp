#pragma once

#include <filesystem>
#include <stdexcept>
#include <vector>

namespace word_index {

struct options {
  std::vector<std::filesystem::path> directories;
  std::filesystem::path output = "word_index.txt";
  bool help = false;
};

/// What the command line asks for cannot be done: exit code 2.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr const char* usage = "usage: word_index [--output FILE] [DIR]";

options parse(int argc, char** argv);

} // namespace word_index
