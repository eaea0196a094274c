#include "scratch_directory.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace word_index {

scratch_directory::scratch_directory() {
  std::string name = std::filesystem::temp_directory_path() / "word_index-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "cannot make " + name);
  path_ = name;
}

scratch_directory::~scratch_directory() {
  std::error_code ignored; // there is nobody left to be told
  std::filesystem::remove_all(path_, ignored);
}

} // namespace word_index
