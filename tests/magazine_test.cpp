// A set of magazines: how room moves between classes.
#include <gtest/gtest.h>

#include <algorithm>
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
  set.drift[used] = 1;
  reclaim();
  EXPECT_EQ(set.capacity(used), 40);
  EXPECT_EQ(set.capacity(unused), 20);
  EXPECT_NO_THROW(set.check_invariants());
}

TEST_F(room_of_magazines, is_kept_only_by_use_since_the_last_time) {
  set.resize(used, 40);
  set.drift[used] = 1;
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

TEST_F(room_of_magazines, moves_with_its_blocks_when_a_class_in_front_of_others_gets_more) {
  char bytes[8];
  void* blocks[] = {&bytes[0], &bytes[1], &bytes[2]};
  set.resize(used, 4);
  set.resize(unused, 4);
  set.put(used, blocks, 3);
  set.let_pop(used, false);
  set.let_push(used, 3);
  set.resize(used, 600);
  EXPECT_FALSE(set.push(used, &bytes[3])) << "still closed";
  EXPECT_EQ(set.pop(used), nullptr) << "still closed";
  EXPECT_NO_THROW(set.check_invariants());
  set.resize(unused, 300); // lays all out anew: what they had does not fit beside
  EXPECT_NO_THROW(set.check_invariants());
  EXPECT_EQ(set.capacity(used), 600);
  EXPECT_EQ(set.capacity(unused), 300);
  for (void* const block : blocks) EXPECT_EQ(set.take_newest(used), block);
}

TEST_F(room_of_magazines, stays_closed_when_another_set_takes_over) {
  char byte;
  void* block = &byte;
  set.resize(used, 10);
  set.put(used, &block, 1);
  set.let_pop(used, false);
  set.let_push(used, 3);
  const auto larger = std::make_unique<set_with_slots>();
  larger->set.take_over(set);
  EXPECT_EQ(larger->set.pop(used), nullptr);
  EXPECT_TRUE(larger->set.push(used, block));
  EXPECT_TRUE(larger->set.push(used, block));
  EXPECT_FALSE(larger->set.push(used, block));
  EXPECT_EQ(larger->set.capacity(used), 10);
}

class blocks_ahead : public room_of_magazines {
protected:
  blocks_ahead() {
    set.resize(used, 8);
    set.let_pop(used, false);
    set.put_ahead(used, lowest, 2);
    set.let_push(used, 8);
    for (char& byte : freed) EXPECT_TRUE(set.push(used, &byte));
  }
  char bytes[2];
  void* lowest[2] = {&bytes[0], &bytes[1]};
  char freed[6];
};

TEST_F(blocks_ahead, leave_the_others_the_rest_of_the_room) {
  EXPECT_EQ(set.count(used), 8);
  EXPECT_FALSE(set.push(used, &bytes[0]));
  EXPECT_NO_THROW(set.check_invariants());
}

TEST_F(blocks_ahead, go_first_in_their_order_and_stay_while_the_others_are_flushed) {
  void* out[6];
  set.take_oldest(used, out, 6);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(out[i], &freed[i]);
  EXPECT_EQ(set.take_ahead(used), lowest[0]);
  EXPECT_EQ(set.take_ahead(used), lowest[1]);
  EXPECT_EQ(set.take_ahead(used), nullptr);
  EXPECT_EQ(set.count(used), 0);
}

TEST_F(blocks_ahead, are_like_others_when_popping_begins_or_all_are_flushed) {
  set.let_pop(used, true);
  EXPECT_EQ(set.take_ahead(used), nullptr);
  EXPECT_EQ(set.pop(used), lowest[1]);
  void* out[7];
  set.take_oldest(used, out, 7);
  EXPECT_EQ(out[6], lowest[0]);
  EXPECT_NO_THROW(set.check_invariants());
}

TEST_F(blocks_ahead, are_listed) {
  const void* listed[8];
  EXPECT_EQ(set.list_blocks(listed, 8, 0), 8);
  EXPECT_EQ(std::count(listed, listed + 8, lowest[0]), 1);
  EXPECT_EQ(std::count(listed, listed + 8, &freed[5]), 1);
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
