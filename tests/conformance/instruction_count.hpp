#pragma once

#include <csignal>
#include <cstddef>
#include <functional>
#include <optional>

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quarry::test {

// What a traced child does: prepare, say `begin`, act, say `end`.
class instruction_marks {
public:
  void begin() const { raise(SIGSTOP); }
  void end() const { raise(SIGSTOP); }
};

// The instructions one thread of a child process executes between its two marks, by single-stepping it: work
// counted, not timed. Nothing when the system lets nobody trace. Call it with no other thread running.
inline std::optional<std::size_t> count_instructions(const std::function<void(instruction_marks)>& act) {
  const pid_t child = fork();
  if (child < 0) return std::nullopt;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // else it stays stopped for ever when its tracer is ended
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
    act(instruction_marks());
    _exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return std::nullopt;
  std::size_t steps = 0;
  do {
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 || waitpid(child, &status, 0) != child)
      return std::nullopt;
    ++steps;
  } while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
  const bool ended = WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
  kill(child, SIGKILL);
  while (waitpid(child, &status, 0) == child && !WIFEXITED(status) && !WIFSIGNALED(status)) {
  }
  return ended ? std::optional(steps) : std::nullopt;
}

} // namespace quarry::test
