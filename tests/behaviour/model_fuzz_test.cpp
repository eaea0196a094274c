// Random scripts against the model. Every one is a test, so that a filter runs it again; a failure prints the
// script, reduced, and so does QUARRY_TEST_SCRIPT=FILE for a script in a file.
#include "model.hpp"

#include <fstream>
#include <sstream>

namespace quarry::test {
namespace {

// What went wrong, or "".
template <class Pool>
std::string failure_of(const script& s, std::size_t check_every) {
  ledger_resource upstream;
  try {
    Pool pool(&upstream);
    model<Pool> expected(pool, upstream);
    for (std::size_t i = 0; i < s.size(); ++i) {
      expected.run(s[i]);
      if (i % check_every == 0) expected.check();
      if (i % 64 == 0) expected.check_payloads();
    }
    expected.check_payloads();
  } catch (const std::exception& e) {
    return e.what();
  }
  return upstream.clean() ? "" : "upstream did not get everything back";
}

template <class Pool>
void expect_success(const script& s, std::size_t check_every) {
  const std::string failure = failure_of<Pool>(s, check_every);
  if (failure.empty()) return;
  const script few =
      reduced(s, [&](const script& shorter) { return failure_of<Pool>(shorter, 1) == failure; });
  FAIL() << failure << "\n" << to_text(few);
}

// Short scripts are checked after each step; long ones, with many more blocks, now and then.
class short_scripts : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(seed, short_scripts, ::testing::Range(std::size_t{0}, 320 / sanitizer_slowdown));

TEST_P(short_scripts, unsynchronized) { expect_success<unsync>(random_script(GetParam(), 200), 1); }
TEST_P(short_scripts, synchronized) { expect_success<sync>(random_script(GetParam(), 200), 1); }

class long_scripts : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(seed, long_scripts, ::testing::Range(std::size_t{1000}, std::size_t{1004}));

constexpr std::size_t many_steps = 16'000 / sanitizer_slowdown;
TEST_P(long_scripts, unsynchronized) { expect_success<unsync>(random_script(GetParam(), many_steps), 16); }
TEST_P(long_scripts, synchronized) { expect_success<sync>(random_script(GetParam(), many_steps), 16); }

TEST(script_text, can_be_replayed) {
  const script s = random_script(7, 500);
  EXPECT_EQ(from_text(to_text(s)), s);
}

TEST(script_text, is_reduced_to_what_fails) {
  const step needed{verb::trim, 12'345};
  script s = random_script(8, 300);
  s[200] = needed;
  const auto fails = [&](const script& t) { return std::find(t.begin(), t.end(), needed) != t.end(); };
  EXPECT_EQ(reduced(s, fails), script{needed});
}

TEST(script_text, given_in_a_file) {
  const char* const path = std::getenv("QUARRY_TEST_SCRIPT");
  if (path == nullptr) GTEST_SKIP() << "QUARRY_TEST_SCRIPT names no file";
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  expect_success<unsync>(from_text(text.str()), 1);
  expect_success<sync>(from_text(text.str()), 1);
}

} // namespace
} // namespace quarry::test
