#include "output_file.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace word_index {

output_file::output_file(const std::filesystem::path& path)
    : path_(path), descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail();
}

output_file::~output_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void output_file::put(std::uint32_t number) {
  char digits[10];
  put(std::string_view(digits, std::to_chars(digits, digits + sizeof digits, number).ptr));
}

void output_file::write_waiting() {
  while (!waiting_.empty()) {
    const auto batch = waiting_.iovecs();
    const ssize_t written = ::writev(descriptor_, batch.data(), static_cast<int>(batch.size()));
    if (written >= 0)
      waiting_.consume(static_cast<std::size_t>(written)); // possibly less than there was
    else if (errno != EINTR)
      fail();
  }
}

void output_file::close() {
  write_waiting();
  if (::close(std::exchange(descriptor_, -1)) != 0) fail();
}

void output_file::fail() const { throw std::runtime_error("cannot write " + path_.native()); }

} // namespace word_index
