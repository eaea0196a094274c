#include "options.hpp"

#include "files.hpp"

#include <string>
#include <string_view>

#include <unistd.h>

namespace word_index {
namespace {

using namespace std::string_literals;

void add_directory(options& chosen, const std::filesystem::path& directory) {
  if (!chosen.directories.empty()) throw usage_error("more than one DIR; "s + usage);
  if (!std::filesystem::is_directory(directory))
    throw usage_error("no such directory: " + directory.native());
  chosen.directories.push_back(directory);
}

void refuse_unwritable(const std::filesystem::path& output) {
  const auto directory = std::filesystem::absolute(output).parent_path();
  if (!std::filesystem::is_directory(directory))
    throw usage_error("no directory for the output: " + output.native());
  if (std::filesystem::is_directory(output))
    throw usage_error("the output is a directory: " + output.native());
  const bool is_there = std::filesystem::exists(output);
  if (::access(is_there ? output.c_str() : directory.c_str(), W_OK) != 0)
    throw usage_error("the output cannot be written: " + output.native());
}

} // namespace

options parse(int argc, char** argv) {
  options chosen;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      chosen.help = true;
    } else if (argument == "--output") {
      if (++i == argc || argv[i][0] == '\0') throw usage_error("--output needs a FILE; "s + usage);
      chosen.output = argv[i];
    } else if (argument.starts_with('-')) {
      throw usage_error("unknown option " + std::string(argument) + "; " + usage);
    } else {
      add_directory(chosen, argument);
    }
  }
  if (!chosen.help) refuse_unwritable(chosen.output);
  if (chosen.directories.empty()) chosen.directories = header_directories();
  return chosen;
}

} // namespace word_index
