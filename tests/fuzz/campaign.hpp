#pragma once

// Many scripts, by number: what runs, for how long, and what is done about a failure.
#include "engine.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace quarry::test {

struct campaign_options {
  std::uint64_t seed = 1, first = 0; // the script to begin with, or a few before it
  std::vector<std::string> subjects; // empty: all
  double seconds = 1e18;
  double operations = 1e18;
  double progress_every = 60; // seconds
};

// The script that `seed` and `number` stand for: of every 25 numbers 20 are of 100 to 999 steps, one of 10^4,
// and four are long (fewer with a sanitizer), up to some twenty million operations each.
steps numbered_steps(const subject_kind& on, std::uint64_t seed, std::uint64_t number);

// Runs scripts in turn on every subject, in processes of their own, until the time is over or enough was
// done. The first failure is made short and printed. True when there was none.
bool run_campaign(const campaign_options& options);

// Runs one script and prints what it does; a failing one is made short. True when all was well.
bool run_and_explain(const steps& s, const subject_kind& on);

} // namespace quarry::test
