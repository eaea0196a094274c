// A set of magazines: how room moves between classes.
#include <gtest/gtest.h>

#include <memory>

#include <quarry/magazine.hpp>

namespace quarry::detail {
namespace {

// A set with room for 1000 blocks in all.
struct set_with_slots {
  set_with_slots() { set.set_room(sizeof slots); }
  magazine_set set;
  void* slots[1000] = {};
};

class room_of_magazines : public ::testing::Test {
protected:
  void reclaim() { // as often as it takes
    for (int calls = 0; calls < 5000; ++calls)
      if (set.reclaim_room()) return;
    FAIL() << "nothing was reclaimed";
  }
  std::unique_ptr<set_with_slots> memory = std::make_unique<set_with_slots>();
  magazine_set& set = memory->set;
  static constexpr size_class used = 3, unused = 7;
};

TEST_F(room_of_magazines, is_halved_where_there_was_no_use_for_it) {
  set.resize(used, 40);
  set.resize(unused, 40);
  set.used_lately[used] = 1;
  reclaim();
  EXPECT_EQ(set.capacity(used), 40);
  EXPECT_EQ(set.capacity(unused), 20);
  EXPECT_NO_THROW(set.check_invariants());
}

TEST_F(room_of_magazines, is_kept_only_by_use_since_the_last_time) {
  set.resize(used, 40);
  set.used_lately[used] = 1;
  reclaim();
  EXPECT_EQ(set.capacity(used), 40);
  reclaim();
  EXPECT_EQ(set.capacity(used), 20);
}

TEST_F(room_of_magazines, that_holds_blocks_is_not_taken) {
  void* blocks[30] = {};
  set.resize(unused, 40);
  set.put(unused, blocks, 30);
  reclaim();
  EXPECT_EQ(set.capacity(unused), 30);
  EXPECT_EQ(set.count(unused), 30);
  EXPECT_NO_THROW(set.check_invariants());
}

TEST_F(room_of_magazines, is_given_to_who_came_late_by_the_one_that_has_most_of_it_empty) {
  constexpr size_class late = 9;
  void* blocks[90] = {};
  set.resize(used, 100);
  set.put(used, blocks, 90);
  set.resize(unused, 40);
  EXPECT_TRUE(set.reclaim_from_largest(late));
  EXPECT_EQ(set.capacity(used), 100);
  EXPECT_EQ(set.capacity(unused), 20);
  EXPECT_NO_THROW(set.check_invariants());
}

TEST_F(room_of_magazines, is_given_to_none_that_has_enough_or_almost_as_much) {
  set.resize(used, 3);
  set.resize(unused, 40);
  EXPECT_FALSE(set.reclaim_from_largest(used));
  set.resize(9, 1);
  set.resize(10, 7);
  void* blocks[40] = {};
  set.put(unused, blocks, 40);
  EXPECT_FALSE(set.reclaim_from_largest(9));
}

} // namespace
} // namespace quarry::detail
