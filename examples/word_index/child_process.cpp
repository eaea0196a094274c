#include "child_process.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace word_index {
namespace {

[[noreturn]] void be_the_child(const std::function<void()>& work, const void* result, std::size_t size,
                               int pipe) {
  try {
    work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "word_index: %s\n", error.what());
    std::_Exit(EXIT_FAILURE);
  }
  // A result is far smaller than a pipe's buffer, so it is written in one go or not at all.
  const bool written = ::write(pipe, result, size) == static_cast<ssize_t>(size);
  std::_Exit(written ? EXIT_SUCCESS : EXIT_FAILURE);
}

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

} // namespace

bool run_in_child(const std::function<void()>& work, void* result, std::size_t size,
                  std::size_t& peak_resident) {
  int ends[2];
  if (::pipe(ends) != 0) fail("pipe");
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) be_the_child(work, result, size, ends[1]);
  ::close(ends[1]);
  int status = 0;
  rusage usage{};
  if (::wait4(child, &status, 0, &usage) != child) fail("wait4");
  const bool read = ::read(ends[0], result, size) == static_cast<ssize_t>(size);
  ::close(ends[0]);
  peak_resident = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  return read && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

} // namespace word_index
