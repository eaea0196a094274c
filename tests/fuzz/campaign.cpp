#include "campaign.hpp"
#include "../support/sanitizers.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quarry::test {

namespace {

constexpr std::size_t slowdown = under_sanitizer ? 20 : 1;
constexpr std::uint64_t scripts_a_round = 25, first_long = 21; // 20 short ones, one of 10^4 steps
constexpr unsigned patience = 300;                             // seconds of computing for one script
constexpr int times_again = 20;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What a process that runs scripts tells the one that waits for it.
struct progress {
  std::uint64_t number, operations, scripts, at;
  char failure[240]; // ends with a zero
};

class shared_progress {
public:
  shared_progress()
      : memory_(mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    ::new (memory_) progress{};
  }
  ~shared_progress() { munmap(memory_, sizeof(progress)); }
  shared_progress(const shared_progress&) = delete;
  shared_progress& operator=(const shared_progress&) = delete;
  progress* operator->() const { return static_cast<progress*>(memory_); }

private:
  void* memory_;
};

class campaign {
public:
  explicit campaign(const campaign_options& options) : options_(options), start_(now()) {
    for (const subject_kind& each : subject_kinds())
      if (options.subjects.empty() ||
          std::find(options.subjects.begin(), options.subjects.end(), each.name) != options.subjects.end())
        subjects_.push_back(&each);
  }

  bool run() {
    std::cout << "seed " << options_.seed << std::endl;
    for (std::uint64_t next = options_.first / scripts_a_round * scripts_a_round; !is_over();
         next += scripts_a_round)
      if (!run_on_all(next, next + first_long) || !run_on_all(next + first_long, next + scripts_a_round))
        return false;
    report();
    return true;
  }

private:
  double elapsed() const { return now() - start_; }
  bool is_over() const {
    return elapsed() >= options_.seconds || static_cast<double>(shared_->operations) >= options_.operations;
  }

  bool run_on_all(std::uint64_t first, std::uint64_t end) {
    for (const subject_kind* on : subjects_)
      if (!is_over() && !run_numbers(*on, first, end)) return false;
    return true;
  }

  bool run_numbers(const subject_kind& on, std::uint64_t first, std::uint64_t end) {
    if (const std::string failure = failure_of(on, first, end); !failure.empty()) {
      explain(on, first, failure);
      return false;
    }
    if (elapsed() >= next_report_) report();
    return true;
  }

  // Of the first of these scripts that fails; shared_ then has its number.
  std::string failure_of(const subject_kind& on, std::uint64_t first, std::uint64_t end) {
    shared_->number = first;
    shared_->failure[0] = 0;
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("no process");
    if (child == 0) run_in_child(on, end);
    int status = 0;
    waitpid(child, &status, 0);
    return status == 0 || shared_->failure[0] != 0 ? shared_->failure : what_ended_it(status);
  }

  [[noreturn]] void run_in_child(const subject_kind& on, std::uint64_t end) {
    limit_this_process();
    do {
      const steps s = numbered_steps(on, options_.seed, shared_->number);
      limit_time(patience);
      const outcome result = test::run(s, on, options_for(s));
      shared_->operations += result.operations;
      shared_->at = result.at;
      shared_->failure[result.failure.copy(shared_->failure, sizeof shared_->failure - 1)] = 0;
      if (result.failed()) std::_Exit(1);
      ++shared_->scripts;
      ++shared_->number;
    } while (shared_->number != end && !is_over());
    std::_Exit(0);
  }

  void explain(const subject_kind& on, std::uint64_t first, const std::string& failure) {
    const std::uint64_t number = shared_->number;
    std::cout << "failed: subject " << on.name << ", seed " << options_.seed << ", script " << number << ": "
              << failure << ", at step " << shared_->at << std::endl;
    if (!run_and_explain(numbered_steps(on, options_.seed, number), on)) return;
    std::cout << "but not when it was run again alone" << std::endl;
    int failures = 0;
    for (int i = 0; i < times_again; ++i) failures += !failure_of(on, first, number + 1).empty();
    std::cout << "after scripts " << first << " and on in the same process: " << failures << " of "
              << times_again << " times" << std::endl;
  }

  void report() {
    std::cout << static_cast<std::uint64_t>(elapsed()) << " s: " << shared_->operations << " operations in "
              << shared_->scripts << " scripts, no failure" << std::endl;
    next_report_ = elapsed() + options_.progress_every;
  }

  const campaign_options options_;
  const double start_;
  double next_report_ = options_.progress_every;
  std::vector<const subject_kind*> subjects_;
  const shared_progress shared_;
};

} // namespace

steps numbered_steps(const subject_kind& on, std::uint64_t seed, std::uint64_t number) {
  const std::uint64_t place = number % scripts_a_round, mixed = (seed << 32) + number;
  if (place < first_long - 1) return on.random_steps(mixed, 100 + mixed * 7919 % 900, pace::short_script);
  if (place < first_long) return on.random_steps(mixed, 10'000 / slowdown, pace::short_script);
  return on.random_steps(mixed, on.long_steps / slowdown, pace::long_script);
}

bool run_campaign(const campaign_options& options) { return campaign(options).run(); }

bool run_and_explain(const steps& s, const subject_kind& on) {
  const outcome seen = run_apart(s, on, options_for(s), patience);
  if (!seen.failed()) {
    std::cout << "all well: " << s.size() << " steps, " << seen.operations << " operations" << std::endl;
    return true;
  }
  std::cout << seen.failure << ", at step " << seen.at << " of " << s.size()
            << "; is being made short. The script, for --replay:" << std::endl;
  std::cout << to_text({std::string(on.name), reduced_apart(s, on, seen)}) << std::endl;
  return false;
}

} // namespace quarry::test
