// How much is used (src/usage.hpp), as threads that come between each other see it.
#include <gtest/gtest.h>

#include <cstddef>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"
#include "usage.hpp"

namespace quarry::detail {
namespace {

TEST(usage_test, counts_what_is_taken_and_not_given) {
  usage u(true);
  u.add(100);
  u.subtract(40);
  u.add(10);
  u.add_oversized(1000);
  EXPECT_EQ(u.used(), 70u);
  EXPECT_EQ(u.oversized(), 1000u);
  EXPECT_EQ(u.peak(), 1070u);
  EXPECT_EQ(u.freed(), 40u);
}

TEST(usage_test, counts_a_pools_first_blocks_in_the_peak_only) {
  usage u(false);
  u.add_early(100);
  u.subtract_early(40);
  EXPECT_EQ(u.peak(), 100u);
  EXPECT_EQ(u.used(), 0u);
  EXPECT_EQ(u.freed(), 0u);
  u.add(30); // 60 + 30 are less than were used before
  EXPECT_EQ(u.peak(), 100u);
  u.add(30);
  EXPECT_EQ(u.peak(), 120u);
  u.add_early(10);
  EXPECT_EQ(u.peak(), 130u);
  u.add_oversized(1000);
  EXPECT_EQ(u.peak(), 1130u);
  u.clear();
  u.add_early(1100);
  EXPECT_EQ(u.peak(), 1130u);
}

// A thread that takes looks twice, and others may take and give back much in between.
TEST(usage_test, has_no_peak_of_more_than_was_used) {
  usage u(true);
  constexpr std::size_t most = 1000, threads = 3;
  constexpr int rounds = test::under_tsan ? 20'000 : 500'000;
  std::vector<std::thread> all;
  for (std::size_t t = 0; t < threads; ++t)
    all.emplace_back([&, bytes = t == 0 ? std::size_t{1} : most] {
      for (int i = 0; i < rounds; ++i) {
        u.add(bytes);
        u.subtract(bytes);
      }
    });
  for (std::thread& t : all) t.join();
  EXPECT_EQ(u.used(), 0u);
  EXPECT_LE(u.peak(), threads * most);
  EXPECT_LE(u.period_peak(), threads * most);
}

} // namespace
} // namespace quarry::detail
