#include "options.hpp"

#include "files.hpp"

#include <string>
#include <string_view>

namespace word_index {
namespace {

using namespace std::string_literals;

void add_directory(options& chosen, const std::filesystem::path& directory) {
  if (!chosen.directories.empty()) throw usage_error("more than one DIR; "s + usage);
  if (!std::filesystem::is_directory(directory))
    throw usage_error("no such directory: " + directory.native());
  chosen.directories.push_back(directory);
}

std::filesystem::path writable_file(const std::filesystem::path& output) {
  if (!std::filesystem::is_directory(std::filesystem::absolute(output).parent_path()))
    throw usage_error("no directory for the output: " + output.native());
  if (std::filesystem::is_directory(output))
    throw usage_error("the output is a directory: " + output.native());
  return output;
}

} // namespace

options parse(int argc, char** argv) {
  options chosen;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      chosen.help = true;
    } else if (argument == "--output") {
      if (++i == argc) throw usage_error("--output needs a FILE; "s + usage);
      chosen.output = writable_file(argv[i]);
    } else if (argument.starts_with('-')) {
      throw usage_error("unknown option " + std::string(argument) + "; " + usage);
    } else {
      add_directory(chosen, argument);
    }
  }
  if (chosen.directories.empty()) chosen.directories = header_directories();
  return chosen;
}

} // namespace word_index
