#include "known_failures.hpp"

#include "child_process.hpp"

#include <gtest/gtest.h>
#include <iostream>
#include <string>

namespace quarry::test {

namespace {

constexpr unsigned hang_seconds = 5;

bool names(const known_failure& known, std::string_view suite, std::string_view subject,
           std::string_view name) {
  const bool subject_matches =
      known.subject == subject || (known.subject == "std_both" && subject.substr(0, 4) == "std_");
  return subject_matches && known.test == std::string(suite) + "." + std::string(name);
}

} // namespace

const known_failure* find_known_failure(std::string_view suite, std::string_view name) {
  const auto slash = suite.find('/');
  if (slash == suite.npos) return nullptr;
  for (const known_failure& known : known_failures())
    if (names(known, suite.substr(0, slash), suite.substr(slash + 1), name)) return &known;
  return nullptr;
}

void run_case(void (*holds)()) {
  const auto& info = *::testing::UnitTest::GetInstance()->current_test_info();
  const known_failure* known = find_known_failure(info.test_suite_name(), info.name());
  if (!known) return holds();

  const child_outcome outcome = run_in_child(holds, hang_seconds);
  if (outcome.kind == child_outcome::skipped) GTEST_SKIP();
  if (outcome.kind == child_outcome::held && known->how_often == fails::at_times)
    std::cout << "  std holds this time: " << info.test_suite_name() << '.' << info.name() << ": "
              << known->why << std::endl;
  else if (outcome.kind == child_outcome::held)
    ADD_FAILURE() << "holds, but the list of known failures says otherwise: " << known->why;
  else
    std::cout << "  std fails: " << info.test_suite_name() << '.' << info.name() << " ("
              << (known->source == drawn_from::standard ? "standard" : "our promise") << "): " << known->why
              << "\n    seen: " << outcome.how << std::endl;
}

} // namespace quarry::test
