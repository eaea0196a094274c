// How much may lie in magazines and depots (src/cached_room.hpp).
#include <gtest/gtest.h>

#include "cached_room.hpp"

namespace quarry::detail {
namespace {

class cached_room_test : public ::testing::Test {
protected:
  static constexpr std::size_t kibibyte = 1024, mebibyte = 1024 * kibibyte;
  static constexpr std::size_t up_to = 448 * kibibyte;

  std::size_t of_magazines() const { return room.of_magazines(up_to, 10); }
  void fall_to(std::size_t bytes) {
    use.subtract(use.used() - bytes);
    use.start_period();
    for (int i = 0; i < 100 && !use.has_fallen(); ++i) {
      use.add(bytes);
      use.subtract(bytes);
    }
    ASSERT_TRUE(use.has_fallen());
  }

  usage use{false};
  cached_room room{use, false};
};

TEST_F(cached_room_test, is_something_while_little_is_used) {
  EXPECT_EQ(room.of_magazines(up_to, 20), 320 * kibibyte);
  use.add(4000 * kibibyte);
  EXPECT_EQ(room.of_magazines(up_to, 20), 400 * kibibyte);
  use.add(1 * mebibyte);
  EXPECT_EQ(room.of_magazines(up_to, 20), up_to);
}

TEST_F(cached_room_test, is_a_share_of_what_is_used) {
  use.add(10 * mebibyte);
  EXPECT_EQ(of_magazines(), mebibyte);
  EXPECT_EQ(room.of_magazines(up_to, 20), mebibyte / 2);
}

TEST_F(cached_room_test, counts_half_of_what_is_oversized) {
  use.add(10 * mebibyte);
  use.add_oversized(20 * mebibyte);
  EXPECT_EQ(of_magazines(), 2 * mebibyte);
}

TEST_F(cached_room_test, counts_all_of_what_is_oversized_while_little_is_used) {
  use.add_oversized(4000 * kibibyte);
  EXPECT_EQ(of_magazines(), 400 * kibibyte);
}

TEST_F(cached_room_test, is_little_after_a_fall) {
  use.add(10 * mebibyte);
  fall_to(500 * kibibyte);
  EXPECT_EQ(of_magazines(), 64 * kibibyte);
}

TEST_F(cached_room_test, of_depots_is_a_share_where_threads_hand_blocks_on) {
  use.add(64 * mebibyte);
  EXPECT_EQ(room.of_depots(), mebibyte);
  room.add_set();
  room.add_set();
  EXPECT_EQ(room.of_depots(), 2 * mebibyte);
}

} // namespace
} // namespace quarry::detail
