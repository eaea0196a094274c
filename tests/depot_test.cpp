// Blocks on their way from thread to thread (src/depot.hpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "depot.hpp"

namespace quarry::detail {
namespace {

struct depot_with_slots {
  static constexpr std::size_t bytes = 1024;
  alignas(64) std::byte memory[bytes];
  depot& get = *::new (memory) depot(bytes);
};

class depot_test : public ::testing::Test {
protected:
  depot_test() { std::iota(blocks.begin(), blocks.end(), storage); }
  std::vector<void*> take(std::size_t wanted) {
    std::vector<void*> taken(wanted);
    taken.resize(shared.take(taken.data(), wanted));
    return taken;
  }
  std::size_t put(std::size_t first, std::size_t count) {
    std::array<void*, 200> offered;
    std::copy_n(blocks.begin() + static_cast<std::ptrdiff_t>(first), count, offered.begin());
    return shared.put(offered.data(), count);
  }

  char storage[200];
  std::array<char*, 200> blocks;
  depot_with_slots memory;
  depot& shared = memory.get;
};

TEST_F(depot_test, keeps_nothing_before_it_has_room) {
  EXPECT_EQ(put(0, 5), 0u);
  EXPECT_EQ(take(5).size(), 0u);
}

TEST_F(depot_test, has_no_more_room_than_slots) {
  EXPECT_EQ(shared.most(), (depot_with_slots::bytes - sizeof(depot)) / sizeof(void*));
  EXPECT_EQ(shared.add_room(100), 100u);
  EXPECT_EQ(shared.add_room(100), shared.most() - 100);
  EXPECT_EQ(shared.room(), shared.most());
}

TEST_F(depot_test, keeps_what_fits) {
  shared.add_room(8);
  EXPECT_EQ(put(0, 5), 5u);
  EXPECT_EQ(put(5, 5), 3u);
  EXPECT_EQ(put(8, 1), 0u);
  EXPECT_EQ(shared.count(), 8u);
}

TEST_F(depot_test, gives_the_newest_first) {
  shared.add_room(8);
  put(0, 6);
  EXPECT_EQ(take(2), (std::vector<void*>{blocks[4], blocks[5]}));
  EXPECT_EQ(take(9), (std::vector<void*>{blocks[0], blocks[1], blocks[2], blocks[3]}));
}

TEST_F(depot_test, loses_only_room_that_is_empty) {
  shared.add_room(8);
  put(0, 6);
  EXPECT_EQ(shared.remove_room(5), 2u);
  EXPECT_EQ(shared.room(), 6u);
  EXPECT_EQ(take(8).size(), 6u);
}

TEST_F(depot_test, says_once_that_it_was_used) {
  EXPECT_FALSE(shared.used_lately());
  shared.note_use();
  EXPECT_TRUE(shared.used_lately());
  EXPECT_FALSE(shared.used_lately());
}

// Each block is with one thread or in the depot, never with two.
TEST_F(depot_test, of_many_threads_loses_and_doubles_nothing) {
  constexpr std::size_t threads = 4, each = 20;
  shared.add_room(40);
  std::vector<std::vector<void*>> held(threads);
  std::vector<std::thread> at_work;
  for (std::size_t t = 0; t < threads; ++t)
    at_work.emplace_back([&, t] {
      std::vector<void*>& mine = held[t];
      for (std::size_t i = 0; i < each; ++i) mine.push_back(blocks[t * each + i]);
      for (std::size_t round = 0; round < 20'000; ++round) {
        const std::size_t given = shared.put(mine.data(), std::min<std::size_t>(mine.size(), 7));
        mine.erase(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(given));
        std::array<void*, 5> taken;
        const std::size_t count = shared.take(taken.data(), taken.size());
        mine.insert(mine.end(), taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(count));
      }
    });
  for (std::thread& t : at_work) t.join();
  std::vector<void*> all = take(40);
  for (const auto& mine : held) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  EXPECT_TRUE(std::equal(all.begin(), all.end(), blocks.begin(), blocks.begin() + threads * each));
}

} // namespace
} // namespace quarry::detail
