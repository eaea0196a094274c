// When memory is held in vain (src/thrift.hpp), told by numbers alone.
#include <gtest/gtest.h>

#include "support/ledger_resource.hpp"
#include "thrift.hpp"

namespace quarry::detail {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

// A pool that used `peak` bytes and now uses `used`, for long, and holds what it held.
class thrift_test : public ::testing::Test {
protected:
  ~thrift_test() override {
    if (memory != nullptr) up.deallocate(memory, held, 16);
  }
  void hold(std::size_t bytes) { memory = up.allocate(held = bytes, 16); }
  void use(std::size_t bytes) { load.add(bytes); }
  // In steps, as flushes come, each of which asks.
  void free(std::size_t bytes) {
    for (; bytes >= step; bytes -= step) {
      load.subtract(step);
      (void)look.should_drain();
    }
  }
  void replace(std::size_t bytes) {
    for (; bytes >= step; bytes -= step) {
      free(step);
      load.add(step);
    }
  }
  // It has fallen once that much was freed for two windows.
  void fall_from(std::size_t height, std::size_t used) {
    hold(height + height / 16);
    use(height);
    free(height - used);
    replace(height / 2);
  }

  static constexpr std::size_t step = 8192;
  test::ledger_resource ledger;
  upstream up{&ledger, false};
  usage load{false};
  thrift look{up, load, false, false, 0};
  void* memory = nullptr;
  std::size_t held = 0;
};

TEST_F(thrift_test, finds_nothing_in_vain_while_it_is_used) {
  hold(4 * mebibyte);
  use(4 * mebibyte - 65536);
  EXPECT_FALSE(look.holds_much_in_vain());
  EXPECT_FALSE(look.should_drain());
  EXPECT_FALSE(look.may_hold_in_vain());
}

// Half of what is used, and what magazines may hold anyway.
TEST_F(thrift_test, lets_little_pass) {
  constexpr std::size_t used = mebibyte / 2, little = used / 2 + mebibyte / 4;
  use(used);
  hold(used + little);
  EXPECT_FALSE(look.holds_much_in_vain());
}

TEST_F(thrift_test, lets_no_more_pass) {
  constexpr std::size_t used = mebibyte / 2, little = used / 2 + mebibyte / 4;
  use(used);
  hold(used + little + 1);
  EXPECT_TRUE(look.holds_much_in_vain());
}

TEST_F(thrift_test, waits_until_the_peak_was_a_while_ago) {
  hold(4 * mebibyte);
  use(4 * mebibyte);
  load.subtract(3 * mebibyte);
  EXPECT_FALSE(look.holds_much_in_vain()) << "the load may come back";
  EXPECT_TRUE(look.may_hold_in_vain());
  replace(2 * mebibyte);
  EXPECT_FALSE(look.holds_much_in_vain()) << "a quarter is used, and was not for long";
  load.start_period();
  EXPECT_FALSE(look.holds_much_in_vain());
  load.start_period();
  EXPECT_TRUE(look.holds_much_in_vain());
}

TEST_F(thrift_test, waits_less_after_a_fall) {
  hold(4 * mebibyte);
  use(4 * mebibyte);
  load.subtract(4 * mebibyte - 512 * 1024);
  EXPECT_FALSE(look.holds_much_in_vain());
  replace(2 * mebibyte);
  EXPECT_TRUE(look.holds_much_in_vain());
}

TEST_F(thrift_test, drains_after_a_fall) {
  fall_from(16 * mebibyte, mebibyte);
  EXPECT_TRUE(load.has_fallen());
  EXPECT_TRUE(look.should_drain());
}

TEST_F(thrift_test, ends_where_it_leads_nowhere_and_tries_again_later) {
  fall_from(16 * mebibyte, mebibyte);
  EXPECT_TRUE(look.should_drain());
  int drained = 0, rounds = 0;
  for (; rounds < 64; ++rounds) {
    replace(8 * mebibyte);
    drained += look.should_drain();
  }
  EXPECT_GT(drained, 0);
  EXPECT_LE(drained, rounds / 4);
}

TEST_F(thrift_test, goes_on_while_chunks_go_upstream) {
  fall_from(16 * mebibyte, mebibyte);
  for (int round = 0; round < 30; ++round) {
    EXPECT_TRUE(look.should_drain());
    replace(4 * mebibyte);
    look.note_progress();
  }
}

TEST_F(thrift_test, goes_on_while_less_and_less_is_used) {
  fall_from(64 * mebibyte, 8 * mebibyte);
  for (std::size_t used = 8 * mebibyte; used > mebibyte; used -= used / 4) {
    EXPECT_TRUE(look.should_drain()) << used;
    free(used / 4);
    replace(4 * used);
  }
}

} // namespace
} // namespace quarry::detail
