// The pages of threads' caches (src/thread_cache.hpp): how many are kept, who gets one; and what a larger set
// takes over.
#include <gtest/gtest.h>

#include <vector>

#include "thread_cache.hpp"

namespace quarry::detail {
namespace {

constexpr std::size_t most_spare = 64;

class cache_pages : public ::testing::Test {
protected:
  void SetUp() override {
    while (thread_cache* const spare = take_cache(false)) all_.push_back(spare);
  }
  ~cache_pages() override {
    for (thread_cache* each : all_) give_cache(each);
  }
  thread_cache* take(bool may_allocate) {
    thread_cache* const cache = take_cache(may_allocate);
    if (cache != nullptr) all_.push_back(cache);
    return cache;
  }
  void give_all() {
    for (; !all_.empty(); all_.pop_back()) give_cache(all_.back());
  }

private:
  std::vector<thread_cache*> all_;
};

TEST_F(cache_pages, are_left_for_who_must_not_allocate_by_who_may) {
  EXPECT_EQ(take(false), nullptr);
  EXPECT_NE(take(true), nullptr);
  EXPECT_NE(take(false), nullptr);
  EXPECT_EQ(take(false), nullptr);
}

TEST_F(cache_pages, are_kept_up_to_a_number_whatever_has_come_and_gone) {
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < most_spare + 10; ++i) EXPECT_NE(take(true), nullptr);
    give_all();
    for (std::size_t i = 0; i < most_spare; ++i)
      EXPECT_NE(take(false), nullptr) << i << " in round " << round;
    EXPECT_EQ(take(false), nullptr);
    give_all();
  }
}

TEST_F(cache_pages, have_room_for_as_many_slots_as_fit) {
  const thread_cache* const cache = take(true);
  EXPECT_TRUE(cache->has_slots((4096 - sizeof(thread_cache)) / sizeof(void*)));
  EXPECT_FALSE(cache->has_slots((4096 - sizeof(thread_cache)) / sizeof(void*) + 1));
}

TEST_F(cache_pages, that_take_over_a_set_have_its_blocks_room_and_uses) {
  thread_cache &from = *take(true), &to = *take(true);
  char blocks[3];
  void* addresses[] = {&blocks[0], &blocks[1], &blocks[2]};
  from.resize(5, 20);
  from.resize(7, 30);
  from.put(5, addresses, 3);
  from.drift[7] = 1;
  to.take_over(from);
  EXPECT_EQ(to.capacity(5), 20u);
  EXPECT_EQ(to.capacity(7), 30u);
  EXPECT_EQ(to.count(5), 3u);
  EXPECT_EQ(to.drift, from.drift);
  EXPECT_EQ(to.take_newest(5), addresses[0]);
  from.forget_all();
  to.forget_all();
}

} // namespace
} // namespace quarry::detail
