// Whose magazines have room (src/thread_magazines.cpp): who is at work gets that of threads that are not.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "support/poisoned.hpp"

#include <quarry/magazine.hpp>
#include <quarry/pool_resource.hpp>
#include <quarry/thread_table.hpp>

namespace quarry::test {
namespace {

// Of a pool that uses 4 MiB and a little more: a tenth, at most half a MiB less a sixteenth.
constexpr std::size_t least_room_of_all_caches = (std::size_t{4} << 20) / 10;
constexpr std::size_t room_of_all_caches = (std::size_t{1} << 19) / 16 * 15;
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
  const std::size_t at_once = std::min<std::size_t>(sleepers + 1, 2 * std::thread::hardware_concurrency());
  const std::size_t least_of_mine = least_room_of_all_caches / at_once / 2;
  // It may have to wait for some thousands of calls, as the threads took room from each other while they ran.
  std::size_t mine = 0;
  for (unsigned i = 0; i < 20 && mine < least_of_mine; ++i) {
    come_and_go(pool, i, 50'000);
    mine = own_room(pool);
  }
  wake.count_down();
  for (std::thread& t : threads) t.join();
  for (void* const block : in_use) pool.deallocate(block, 1024);

  // Of all threads that can be at work at once each has a share; I have at least half of mine.
  EXPECT_GE(mine, least_of_mine);
  EXPECT_LE(mine, room_of_all_caches / at_once);
  EXPECT_LE(*std::max_element(rooms.begin(), rooms.end()), room_of_all_caches);
}

TEST(room_for_magazines, goes_with_its_blocks_to_who_finds_none) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no magazines";
  constexpr std::size_t enough = std::size_t{16} << 10;
  synchronized_pool_resource pool;
  std::vector<void*> in_use(4096);
  for (void*& block : in_use) block = pool.allocate(1024);
  std::latch all_worked(sleepers), wake(1);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < sleepers; ++i)
    threads.emplace_back([&, i] {
      come_and_go(pool, static_cast<unsigned>(i), 1000);
      all_worked.count_down();
      wake.wait();
    });
  all_worked.wait();
  std::size_t largest = own_room(pool);
  for (unsigned i = 0; i < 4000 && largest < enough; ++i) { // of some cold calls one takes all there is
    come_and_go(pool, i, 50);
    largest = std::max(largest, own_room(pool));
  }
  EXPECT_GE(largest, enough);
  EXPECT_NO_THROW(pool.check_invariants());
  wake.count_down();
  for (std::thread& t : threads) t.join();
  for (void* const block : in_use) pool.deallocate(block, 1024);
  EXPECT_NO_THROW(pool.check_invariants());
}

// Threads that take turns, as the stages of a pipeline do: each is idle while the others are at work, and
// back before long. To take from each other what is needed again at once costs all of them more than it
// gives.
TEST(room_for_magazines, is_left_to_threads_that_come_back) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no magazines";
  constexpr std::size_t stages = 12, turns = 200;
  if (2 * std::thread::hardware_concurrency() >= stages)
    GTEST_SKIP() << "each has so small a share that all fit";
  synchronized_pool_resource pool;
  std::vector<void*> in_use(4096);
  for (void*& block : in_use) block = pool.allocate(1024);
  std::atomic<std::size_t> turn = 0;
  std::array<std::size_t, 2> robbed{}; // in the first half of all turns, and in the second
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < stages; ++i)
    threads.emplace_back([&, i] {
      std::size_t left = 0;
      for (std::size_t t = 0; t < turns; ++t) {
        const std::size_t mine = t * stages + i;
        for (std::size_t now; (now = turn.load()) != mine;) turn.wait(now);
        robbed[t / (turns / 2)] += own_room(pool) < left;
        come_and_go(pool, static_cast<unsigned>(mine), 500);
        left = own_room(pool);
        ++turn;
        turn.notify_all();
      }
    });
  for (std::thread& t : threads) t.join();
  for (void* const block : in_use) pool.deallocate(block, 1024);
  EXPECT_GT(robbed[0], 0u) << "else there is room for all";
  EXPECT_LT(robbed[1], stages * turns / 2 / 4);
  EXPECT_NO_THROW(pool.check_invariants());
}

// ---- what threads leave when they end

void on_a_thread(const auto& work) { std::thread(work).join(); }

std::size_t slabs_of(const synchronized_pool_resource& pool) { return pool.statistics().slabs; }

// What room a thread had when it ended, and what the next one found.
struct rooms {
  std::size_t left = 0, found = 0;
};
rooms of_one_thread_and_the_next(synchronized_pool_resource& pool) {
  rooms r;
  on_a_thread([&] {
    come_and_go(pool, 1, 5000);
    r.left = own_room(pool);
  });
  on_a_thread([&] {
    pool.deallocate(pool.allocate(32), 32);
    r.found = own_room(pool);
  });
  return r;
}

TEST(caches_of_ended_threads, serve_the_next_thread) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no magazines";
  synchronized_pool_resource pool;
  const rooms r = of_one_thread_and_the_next(pool);
  EXPECT_GT(r.left, 0u);
  EXPECT_EQ(r.found, r.left);
  EXPECT_NO_THROW(pool.check_invariants());
}

TEST(caches_of_ended_threads, give_up_their_blocks_before_another_slab_is_taken) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no magazines";
  synchronized_pool_resource pool;
  for (int i = 0; i < 100; ++i) pool.deallocate(pool.allocate(32), 32); // I have a cache of my own
  std::vector<void*> blocks(400);
  for (std::size_t round = 0; round < 10; ++round) {
    on_a_thread([&] {
      for (void*& block : blocks) block = pool.allocate(200);
      for (void* const block : blocks) pool.deallocate(block, 200);
    });
    const std::size_t before = slabs_of(pool);
    for (void*& block : blocks) block = pool.allocate(200);
    if (round != 0) {
      EXPECT_LE(slabs_of(pool), before + 1) << "in round " << round;
    }
    for (void* const block : blocks) pool.deallocate(block, 200);
  }
  EXPECT_NO_THROW(pool.check_invariants());
}

TEST(caches_of_ended_threads, are_emptied_by_trim) {
  synchronized_pool_resource pool;
  for (int i = 0; i < 20; ++i) on_a_thread([&] { come_and_go(pool, 1, 1000); });
  pool.trim();
  EXPECT_EQ(pool.statistics().bytes_cached, 0u);
  EXPECT_EQ(pool.statistics().chunks, 0u);
}

TEST(caches_of_ended_threads, end_with_their_pool) {
  for (int i = 0; i < 200; ++i) { // more than are parked of all pools
    synchronized_pool_resource pool;
    on_a_thread([&] { come_and_go(pool, 1, 200); });
  }
  synchronized_pool_resource pool;
  const rooms r = of_one_thread_and_the_next(pool);
  EXPECT_EQ(r.found, r.left);
}

} // namespace
} // namespace quarry::test
