// The lists are true: each test they name exists.
#include "known_failures.hpp"
#include "origins.hpp"

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

TEST(lists, known_failures_name_tests_that_exist) {
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
