// How much empty memory may be kept (src/retention.hpp), period by period.
#include <gtest/gtest.h>

#include "retention.hpp"

namespace quarry::detail {
namespace {

constexpr std::size_t kibibyte = 1024, peak = 800 * kibibyte, slack = peak / 8, share_of_use = peak / 16,
                      chunk_bytes = 64 * kibibyte;

class kept : public ::testing::Test {
protected:
  void end_periods(int count, std::size_t idle, std::size_t held) {
    for (int i = 0; i < count; ++i) {
      share.idle_is(idle);
      share.end_period(idle, held);
      use.start_period();
    }
  }
  // Up, nearly down, and up again.
  void go_round(std::size_t held) {
    use.add(peak);
    use.subtract(peak - peak / 10);
    share.idle_is(0);
    use.add(peak - peak / 10);
    share.end_period(0, held);
    use.start_period();
    use.subtract(peak);
  }
  void give_back_and_obtain(std::size_t bytes, std::size_t idle) {
    share.given_back(bytes, idle);
    share.obtained(bytes, 0);
  }

  usage use{false};
  retention share{use, retention::by_use};
};

TEST_F(kept, is_little_without_use) { EXPECT_EQ(share.allowance(), 16 * kibibyte); }

TEST_F(kept, is_a_sixteenth_of_the_peak) {
  use.add(peak);
  use.subtract(peak);
  EXPECT_EQ(share.allowance(), share_of_use);
}

TEST_F(kept, fades_over_half_the_period_that_follows) {
  use.add(peak);
  share.end_period(0, peak);
  use.subtract(peak);
  use.start_period();
  EXPECT_EQ(share.allowance(), share_of_use);
  for (int i = 0; i < 8; ++i) { // until half as much was freed as the period is long
    use.add(peak / 16);
    use.subtract(peak / 16);
  }
  EXPECT_EQ(share.allowance(), 16 * kibibyte);
  share.end_period(0, peak);
  EXPECT_EQ(share.allowance(), 16 * kibibyte);
}

TEST_F(kept, is_what_was_idle_when_a_part_of_it_was_regretted) {
  use.add(peak);
  give_back_and_obtain(300 * kibibyte, 300 * kibibyte);
  EXPECT_EQ(share.allowance(), 300 * kibibyte + chunk_bytes);
  give_back_and_obtain(10 * kibibyte, 500 * kibibyte);
  EXPECT_EQ(share.allowance(), 500 * kibibyte + chunk_bytes);
}

TEST_F(kept, does_not_count_what_is_still_idle_when_memory_is_obtained) {
  use.add(peak);
  share.given_back(10 * kibibyte, 500 * kibibyte);
  share.obtained(10 * kibibyte, 200 * kibibyte);
  EXPECT_EQ(share.allowance(), 300 * kibibyte + chunk_bytes);
}

TEST_F(kept, grows_with_each_regret) {
  use.add(peak);
  give_back_and_obtain(200 * kibibyte, 200 * kibibyte);
  give_back_and_obtain(100 * kibibyte, 100 * kibibyte);
  EXPECT_EQ(share.allowance(), 300 * kibibyte + 2 * chunk_bytes);
}

TEST_F(kept, is_not_regretted_after_four_periods) {
  use.add(peak);
  share.given_back(300 * kibibyte, 300 * kibibyte);
  end_periods(4, 0, peak);
  share.obtained(300 * kibibyte, 0);
  EXPECT_EQ(share.allowance(), share_of_use);
}

// But for an eighth of the peak.
TEST_F(kept, is_less_by_what_lay_idle_through_four_periods) {
  use.add(peak);
  give_back_and_obtain(1000 * kibibyte, 1000 * kibibyte);
  end_periods(4, 600 * kibibyte, 1000 * kibibyte); // the first began with nothing idle
  EXPECT_EQ(share.allowance(), 1000 * kibibyte);
  end_periods(1, 600 * kibibyte, 1000 * kibibyte);
  EXPECT_EQ(share.allowance(), 1000 * kibibyte - (600 * kibibyte - slack));
}

// What else lies idle then is not given up over and over: it is less by that as long as it is held.
TEST_F(kept, is_not_less_again_while_no_more_is_idle) {
  use.add(peak);
  give_back_and_obtain(600 * kibibyte, 600 * kibibyte);
  const std::size_t before = share.allowance();
  ASSERT_LT(before, peak - slack) << "not all that is held comes round";
  end_periods(10, 300 * kibibyte, 1000 * kibibyte);
  EXPECT_EQ(share.allowance(), before);
  end_periods(10, 600 * kibibyte, 1000 * kibibyte);
  EXPECT_EQ(share.allowance(), 500 * kibibyte);
}

TEST_F(kept, is_all_that_is_held_of_a_load_that_comes_round) {
  use.add(peak);
  end_periods(1, 0, peak);
  give_back_and_obtain(peak, peak);
  EXPECT_EQ(share.allowance(), peak);
  share.obtained(chunk_bytes, 0);
  EXPECT_EQ(share.allowance(), peak + chunk_bytes);
  end_periods(1, 0, peak + 2 * chunk_bytes);
  EXPECT_EQ(share.allowance(), peak + 2 * chunk_bytes);
  share.obtained(peak, 0);
  EXPECT_EQ(share.allowance(), peak + peak / 4) << "and no more";
}

// Whether or not something was ever given back.
TEST_F(kept, is_all_that_is_held_after_two_rounds_from_nearly_nothing) {
  for (int round = 1; round <= 3; ++round) {
    go_round(peak + chunk_bytes);
    EXPECT_EQ(share.allowance(), round < 3 ? share_of_use : peak + chunk_bytes) << round;
  }
}

TEST_F(kept, is_no_more_for_a_burst_after_rounds_of_less) {
  for (int round = 1; round <= 3; ++round) go_round(peak);
  use.add(3 * peak);
  share.obtained(2 * peak, 0);
  EXPECT_EQ(share.allowance(), peak + peak / 4);
}

TEST_F(kept, is_no_more_for_a_load_that_falls_but_by_half) {
  for (int round = 1; round <= 6; ++round) {
    use.add(peak);
    use.subtract(peak / 2);
    share.idle_is(0);
    use.add(peak / 2);
    share.end_period(0, peak + chunk_bytes);
    use.start_period();
    EXPECT_EQ(share.allowance(), share_of_use) << round;
    use.subtract(peak);
  }
}

TEST_F(kept, is_not_what_is_obtained_by_a_load_that_comes_round_in_part) {
  use.add(peak);
  give_back_and_obtain(300 * kibibyte, 300 * kibibyte);
  share.obtained(chunk_bytes, 0);
  end_periods(1, 0, peak + chunk_bytes);
  EXPECT_EQ(share.allowance(), 300 * kibibyte + chunk_bytes);
}

TEST_F(kept, is_settling_while_more_is_idle_than_is_used) {
  use.add(peak);
  EXPECT_FALSE(share.settling(peak + 80 * kibibyte));
  EXPECT_TRUE(share.settling(peak + 80 * kibibyte + 1));
}

TEST_F(kept, is_settling_after_a_fall_while_an_eighth_is_idle) {
  constexpr std::size_t left = peak / 16;
  use.add(peak);
  use.subtract(peak - left);
  for (int i = 0; i < 100 && !use.has_fallen(); ++i) {
    use.add(left);
    use.subtract(left);
  }
  ASSERT_TRUE(use.has_fallen());
  EXPECT_FALSE(share.settling(left / 8 + 80 * kibibyte));
  EXPECT_TRUE(share.settling(left / 8 + 80 * kibibyte + 1));
}

TEST_F(kept, is_what_was_asked_for_where_it_is_fixed) {
  retention fixed(use, 5 * kibibyte);
  use.add(peak);
  fixed.given_back(300 * kibibyte, 300 * kibibyte);
  fixed.obtained(300 * kibibyte, 0);
  EXPECT_EQ(fixed.allowance(), 5 * kibibyte);
  EXPECT_FALSE(fixed.settling(peak));
}

} // namespace
} // namespace quarry::detail
