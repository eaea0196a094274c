// Whose magazines have room (src/thread_magazines.cpp): who is at work gets that of threads that are not.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "support/poisoned.hpp"

#include <quarry/magazine.hpp>
#include <quarry/pool_resource.hpp>

namespace quarry::test {
namespace {

constexpr std::size_t room_of_all_caches = (std::size_t{1} << 19) / 16 * 15; // of a pool that uses 4 MiB
constexpr std::size_t sleepers = 40;

// Blocks of every class to 512 bytes come and go.
void come_and_go(synchronized_pool_resource& pool, unsigned seed, int replacements) {
  struct block {
    void* address = nullptr;
    std::size_t size = 0;
  };
  std::array<block, 300> live;
  std::minstd_rand random(seed);
  for (int i = 0; i < replacements; ++i) {
    block& b = live[random() % live.size()];
    if (b.address != nullptr) pool.deallocate(b.address, b.size, 8);
    b.size = (1 + random() % 64) * 8;
    b.address = pool.allocate(b.size, 8);
  }
  for (const block& b : live)
    if (b.address != nullptr) pool.deallocate(b.address, b.size, 8);
}

std::size_t own_room(const synchronized_pool_resource& pool) {
  for (const detail::magazine_set* const set : detail::this_thread_table.sets)
    if (set->serves(&pool)) return set->capacity_bytes.load_relaxed();
  return 0;
}

TEST(room_for_magazines, is_lent_to_who_is_at_work) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no magazines";
  synchronized_pool_resource pool;
  std::vector<void*> in_use(4096);
  for (void*& block : in_use) block = pool.allocate(1024);
  std::latch all_worked(sleepers), wake(1);
  std::vector<std::size_t> rooms(sleepers);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < sleepers; ++i)
    threads.emplace_back([&, i] {
      come_and_go(pool, static_cast<unsigned>(i), 1000);
      rooms[i] = own_room(pool);
      all_worked.count_down();
      wake.wait();
    });
  all_worked.wait();
  come_and_go(pool, 100, 50'000);
  const std::size_t mine = own_room(pool);
  wake.count_down();
  for (std::thread& t : threads) t.join();
  for (void* const block : in_use) pool.deallocate(block, 1024);

  // Of all threads that can be at work at once each has a share; I have at least half of mine.
  const std::size_t at_once = std::min<std::size_t>(sleepers + 1, 2 * std::thread::hardware_concurrency());
  EXPECT_GE(mine, room_of_all_caches / at_once / 2);
  EXPECT_LE(mine, room_of_all_caches / at_once);
  EXPECT_LE(*std::max_element(rooms.begin(), rooms.end()), room_of_all_caches);
}

} // namespace
} // namespace quarry::test
