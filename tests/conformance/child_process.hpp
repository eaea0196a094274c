#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quarry::test {

// How a test body ended that ran in a process of its own, where it may crash or hang.
struct child_outcome {
  enum { held, failed, skipped } kind;
  std::string how; // of a failure: the first failed expectation, or what killed the child
};

namespace detail {

inline std::string first_failure() {
  const auto& result = *::testing::UnitTest::GetInstance()->current_test_info()->result();
  for (int i = 0; i < result.total_part_count(); ++i) {
    const auto& part = result.GetTestPartResult(i);
    if (part.failed()) return "line " + std::to_string(part.line_number()) + ": " + part.summary();
  }
  return "";
}

[[noreturn]] inline void run_as_child(void (*body)(), unsigned seconds, int report) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  alarm(seconds);
  std::string how;
  try {
    body();
    how = first_failure();
  } catch (const std::exception& e) {
    how = std::string("threw ") + e.what();
  }
  const bool written = write(report, how.data(), how.size()) == static_cast<ssize_t>(how.size());
  if (::testing::Test::IsSkipped()) _exit(child_outcome::skipped);
  _exit(how.empty() && written ? child_outcome::held : child_outcome::failed);
}

inline std::string read_all(int file) {
  std::string text;
  char buffer[512];
  for (ssize_t n; (n = read(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

} // namespace detail

// Call it from inside a test, with no other thread running.
inline child_outcome run_in_child(void (*body)(), unsigned seconds) {
  int report[2];
  if (pipe(report) != 0) std::abort();
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    close(report[0]);
    detail::run_as_child(body, seconds, report[1]);
  }
  close(report[1]);
  const std::string how = detail::read_all(report[0]);
  close(report[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return {child_outcome::failed, "hangs"};
  if (WIFSIGNALED(status))
    return {child_outcome::failed, std::string("crashes: ") + strsignal(WTERMSIG(status))};
  switch (WEXITSTATUS(status)) {
  case child_outcome::held:
    return {child_outcome::held, ""};
  case child_outcome::skipped:
    return {child_outcome::skipped, ""};
  default:
    return {child_outcome::failed, how};
  }
}

} // namespace quarry::test
