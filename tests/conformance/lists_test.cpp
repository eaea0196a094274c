// The lists are true: each test they name exists.
#include "known_failures.hpp"
#include "origins.hpp"
#include "subjects.hpp"

#include <gtest/gtest.h>
#include <string>

namespace quarry::test {
namespace {

// Is there a test of the name "suite.case", or "suite/subject.case" for a typed one?
bool exists(std::string_view wanted, std::string_view subject = "") {
  const auto& all = *::testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const auto& suite = *all.GetTestSuite(s);
    const std::string_view full = suite.name();
    if (!subject.empty() && full.substr(full.find('/') + 1) != subject) continue;
    for (int t = 0; t < suite.total_test_count(); ++t)
      if (std::string(full.substr(0, full.find('/'))) + "." + suite.GetTestInfo(t)->name() == wanted)
        return true;
  }
  return false;
}

// Suites are run one by one, by name: none may be forgotten.
TEST(lists, every_suite_is_run) {
  const std::string run = " " QUARRY_CONFORMANCE_SUITES " ";
  const auto& all = *::testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    std::string name = all.GetTestSuite(s)->name();
    name = name.substr(0, name.find('/'));
    name = name.substr(0, name.find("_synchronized"));
    EXPECT_NE(run.find(" " + name + " "), run.npos) << name;
  }
}

TEST(lists, known_failures_name_tests_that_exist) {
  if (!has_std_pools) GTEST_SKIP() << "std's pools are no subjects under a sanitizer";
  for (const known_failure& known : known_failures()) {
    const auto subject = known.subject == "std_both" ? "std_unsynchronized" : known.subject;
    EXPECT_TRUE(exists(known.test, subject)) << known.test << " for " << subject;
  }
}

TEST(lists, origins_name_tests_that_exist) {
  for (const origin& o : origins()) {
    EXPECT_TRUE(!o.ours.empty() || !o.note.empty()) << o.test;
    for (const std::string_view ours : o.ours)
      EXPECT_TRUE(exists(ours)) << o.library << ' ' << o.test << ": " << ours;
  }
}

} // namespace
} // namespace quarry::test
