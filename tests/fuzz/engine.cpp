#include "engine.hpp"

#include "crew.hpp"

#include <quarry/violation.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

namespace quarry::test {

namespace {

// What the library itself reports, as the failure of the script that is being run.
std::atomic<bool> violated = false;
char violation_text[256];

void note_violation(const violation& v, void*) noexcept {
  if (violated.exchange(true)) return;
  const std::size_t length = std::min(v.message.find(" (address"), sizeof violation_text - 1);
  violation_text[v.message.copy(violation_text, length)] = 0;
}

class watched_violations {
public:
  watched_violations() : before_(set_violation_handler({note_violation, nullptr})) { violated = false; }
  ~watched_violations() { set_violation_handler(before_); }
  watched_violations(const watched_violations&) = delete;
  watched_violations& operator=(const watched_violations&) = delete;
  void expect_none() const { require(!violated, violation_text); }

private:
  const violation_handler before_;
};

class script_run {
public:
  script_run(const steps& s, const subject_kind& on, run_options options)
      : steps_(s), options_(options), subject_(on.make()) {}

  outcome run() {
    outcome result;
    try {
      run_all();
    } catch (const std::exception& e) {
      result.failure = e.what();
    }
    result.at = at_;
    result.operations = subject_->operations();
    return result;
  }

private:
  // From one hand-over to the next on one thread.
  void run_all() {
    std::size_t thread = 0;
    while (at_ < steps_.size()) {
      const step& s = steps_[at_];
      if (s.what == verb::thread) thread = s.a % most_threads;
      if (s.what == verb::exit) crew_.dismiss(s.a % most_threads);
      crew_.run_on(thread, [this] {
        do run_one();
        while (at_ < steps_.size() && steps_[at_].what != verb::thread && steps_[at_].what != verb::exit);
      });
    }
    subject_->check_payloads();
    subject_->end();
    violations_.expect_none();
  }

  void run_one() {
    subject_->run(steps_[at_]);
    if (at_ % options_.check_every == 0) {
      subject_->check();
      violations_.expect_none();
      if (at_ % (options_.check_every * 50) == 0) subject_->check_payloads();
    }
    ++at_;
  }

  const watched_violations violations_;
  const steps& steps_;
  const run_options options_;
  const std::unique_ptr<subject> subject_;
  std::size_t at_ = 0;
  crew crew_; // last: its threads exit first
};

} // namespace

run_options options_for(const steps& s) { return {s.size() <= 10'000 ? std::size_t{1} : 1000}; }

outcome run(const steps& s, const subject_kind& on, run_options options) {
  return script_run(s, on, options).run();
}

// ---- reducing

namespace {

class reducer {
public:
  reducer(steps s, const std::function<bool(const steps&)>& fails, std::size_t tries)
      : steps_(std::move(s)), fails_(fails), tries_(tries) {}

  steps result() {
    for (bool progress = true; progress;) {
      const std::size_t before = steps_.size();
      for (std::size_t length = (steps_.size() + 1) / 2; length > 0; length /= 2) leave_out(length);
      progress = steps_.size() < before;
      progress = make_numbers_small() || progress;
    }
    return steps_;
  }

private:
  bool keep_if_it_fails(steps shorter) {
    if (tries_ == 0) return false;
    --tries_;
    if (!fails_(shorter)) return false;
    steps_ = std::move(shorter);
    return true;
  }

  // From the end, since what failed is there and most of what is before it need not be.
  void leave_out(std::size_t length) {
    for (std::size_t end = steps_.size(); end != 0;) {
      const std::size_t begin = end - std::min(end, length);
      steps shorter = steps_;
      shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(begin),
                    shorter.begin() + static_cast<std::ptrdiff_t>(end));
      keep_if_it_fails(std::move(shorter));
      end = begin;
    }
  }

  bool make_numbers_small() {
    bool progress = false;
    for (std::size_t i = 0; i < steps_.size(); ++i)
      for (std::uint32_t step::*operand : {&step::a, &step::b, &step::c})
        while (tries_ != 0 && make_smaller(i, operand)) progress = true;
    return progress;
  }

  // Alignments stay powers of two: nothing but halves and one less than odd numbers.
  bool make_smaller(std::size_t i, std::uint32_t step::*operand) {
    const std::uint32_t now = steps_[i].*operand;
    if (now <= 1) return false;
    for (const std::uint32_t less : {now / 2, now - now % 2}) {
      steps smaller = steps_;
      smaller[i].*operand = less;
      if (less != now && keep_if_it_fails(std::move(smaller))) return true;
    }
    return false;
  }

  steps steps_;
  const std::function<bool(const steps&)>& fails_;
  std::size_t tries_;
};

} // namespace

steps reduced(steps s, const std::function<bool(const steps&)>& fails, std::size_t tries) {
  return reducer(std::move(s), fails, tries).result();
}

// With a check after each step when it fails then, too.
steps reduced_apart(const steps& s, const subject_kind& on, const outcome& seen) {
  run_options options = options_for(s);
  const auto fails_alike = [&](const steps& shorter) {
    return run_apart(shorter, on, options, 10, true).failure == seen.failure;
  };
  steps head(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(std::min(s.size(), seen.at + 1)));
  if (head.size() > 10'000) head = reduced(std::move(head), fails_alike, 500);
  const run_options as_before = std::exchange(options, run_options{1});
  if (!fails_alike(head)) options = as_before;
  return reduced(std::move(head), fails_alike, 4000);
}

} // namespace quarry::test
