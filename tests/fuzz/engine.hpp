#pragma once

// Runs scripts, says what is wrong, and makes a failing script short.
#include "script.hpp"
#include "subject.hpp"

#include <functional>
#include <string>

namespace quarry::test {

struct run_options {
  std::size_t check_every = 1; // steps, for the invariants; payloads of all live blocks 50 times more seldom
};

struct outcome {
  std::string failure; // empty: all well
  std::size_t at = 0;  // the step at which it was seen
  std::size_t operations = 0;
  bool failed() const { return !failure.empty(); }
};

// Every step is followed by a check up to 10^4 steps, every 1000th beyond.
run_options options_for(const steps& s);

outcome run(const steps& s, const subject_kind& on, run_options options);
inline outcome run(const script& s) { return run(s.steps, subject_named(s.subject), options_for(s.steps)); }

// The same in a process of its own, so that crashes and hangs are failures like others: "killed by …". Its
// time is that of `limit_time`. When `silent`, what a crashing script has to say is not seen.
outcome run_apart(const steps& s, const subject_kind& on, run_options options, unsigned seconds = 60,
                  bool silent = false);

// Makes `s` shorter, and its numbers smaller, as long as `fails` says true: delta debugging (Zeller,
// Hildebrandt: Simplifying and Isolating Failure-Inducing Input), in at most `tries` tries.
steps reduced(steps s, const std::function<bool(const steps&)>& fails, std::size_t tries = 20'000);

// For a process that runs scripts: no core files; and no more than 2 GiB, so that a subject that asks for
// ever is found out before the machine is (sanitizers need more).
void limit_this_process();

// From now on this process is killed when it has computed for so many seconds, however loaded the machine
// is; or when 20 times as long has passed, since who waits for ever computes nothing.
void limit_time(unsigned seconds);

// "takes for ever", "waits for ever", "killed by …" or "exited with …": a process that has not ended well.
std::string what_ended_it(int status);

// A failing script, made short by runs in processes of their own.
steps reduced_apart(const steps& s, const subject_kind& on, const outcome& seen);

} // namespace quarry::test
