// A script in a process of its own.
#include "../support/sanitizers.hpp"
#include "engine.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quarry::test {

namespace {

struct message {
  std::size_t at, operations;
  char failure[240]; // ends with a zero
};

[[noreturn]] void report_from_child(const steps& s, const subject_kind& on, run_options options, int to) {
  limit_this_process();
  const outcome result = run(s, on, options);
  message m{result.at, result.operations, {}};
  result.failure.copy(m.failure, sizeof m.failure - 1);
  const bool written = write(to, &m, sizeof m) == sizeof m;
  std::_Exit(written ? 0 : 1);
}

outcome outcome_of(int status, const message* m) {
  if (m == nullptr) return {what_ended_it(status), 0, 0};
  return {m->failure, m->at, m->operations};
}

} // namespace

void limit_this_process() {
  const rlimit no_core{0, 0}, memory{2ul << 30, 2ul << 30};
  setrlimit(RLIMIT_CORE, &no_core);
  if (!under_sanitizer) setrlimit(RLIMIT_AS, &memory);
}

void limit_time(unsigned seconds) {
  const itimerval computing{{}, {seconds, 0}};
  setitimer(ITIMER_PROF, &computing, nullptr);
  alarm(20 * seconds);
}

std::string what_ended_it(int status) {
  if (!WIFSIGNALED(status)) return "exited with " + std::to_string(WEXITSTATUS(status));
  const int by = WTERMSIG(status);
  if (by == SIGPROF) return "takes for ever";
  if (by == SIGALRM) return "waits for ever";
  return std::string("killed by: ") + strsignal(by);
}

outcome run_apart(const steps& s, const subject_kind& on, run_options options, unsigned seconds,
                  bool silent) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) throw std::runtime_error("no pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    close(pipe_ends[0]);
    limit_time(seconds);
    if (silent) dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    report_from_child(s, on, options, pipe_ends[1]);
  }
  close(pipe_ends[1]);
  message m;
  const bool has_message = read(pipe_ends[0], &m, sizeof m) == sizeof m;
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  outcome result = outcome_of(status, has_message ? &m : nullptr);
  if (!has_message) result.at = s.size(); // somewhere
  return result;
}

} // namespace quarry::test
