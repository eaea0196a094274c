// Synchronized pools: any thread may call, and free any block.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <random>
#include <thread>

namespace quarry::test {
namespace {

QUARRY_SUITE(threads, every_synchronized_pool);

template <class F>
void on_a_new_thread(F f) {
  std::thread(f).join();
}

QUARRY_CASE(threads, blocks_of_exited_threads_are_freed_by_new_ones) {
  ledger_resource up;
  Pool pool(&up);
  const std::size_t oversized = 2 * pool.options().largest_required_pool_block;
  const sizes wanted = {8, 64, oversized};
  std::vector<void*> blocks(wanted.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    threads.emplace_back([&, i] {
      pool.deallocate(pool.allocate(wanted[i]), wanted[i]);
      void* const other = pool.allocate(wanted[i]);
      blocks[i] = pool.allocate(wanted[i]);
      pool.deallocate(other, wanted[i]);
    });
  for (auto& t : threads) t.join();

  const std::size_t upstream_blocks = up.block_count();
  for (const std::size_t i : sizes{0, 1}) on_a_new_thread([&] { pool.deallocate(blocks[i], wanted[i]); });
  EXPECT_EQ(up.block_count(), upstream_blocks) << "freeing pooled blocks";
  on_a_new_thread([&] { pool.deallocate(blocks[2], oversized); });
  EXPECT_EQ(up.block_count(), upstream_blocks - 1) << "freeing the oversized one";
  pool.release();
  EXPECT_TRUE(up.clean());
}

// Where the slabs of a round lie in their chunks varies, so what is held varies by chunks; it does not add
// up.
QUARRY_CASE(threads, that_come_and_go_leave_nothing_behind) {
  constexpr std::size_t two_chunks = 128 << 10;
  ledger_resource up;
  Pool pool(&up);
  std::size_t third_round = 0;
  for (int round = 1; round <= 200; ++round) {
    filled_blocks<Pool> live(pool);
    on_a_new_thread([&] {
      for (std::size_t i = 0; i < 1000; ++i) live.add(8 + i % 113);
    });
    ASSERT_TRUE(live.all_intact());
    on_a_new_thread([&] { live.free_all(); });
    if (round == 3) third_round = up.held();
    if (round > 3) {
      ASSERT_LE(up.held(), third_round + two_chunks) << "round " << round;
    }
  }
}

// Blocks handed around at random: every payload arrives whole.
QUARRY_CASE(threads, hand_blocks_to_each_other) {
  ledger_resource up;
  {
    Pool pool(&up);
    struct shelf {
      std::mutex mutex;
      filled_blocks<Pool> blocks;
    };
    std::vector<std::unique_ptr<shelf>> shelves;
    for (int i = 0; i < 8; ++i)
      shelves.push_back(std::unique_ptr<shelf>(new shelf{{}, filled_blocks<Pool>(pool)}));
    std::atomic<bool> damaged = false;
    const auto work = [&](unsigned seed) {
      std::minstd_rand random(seed);
      for (int i = 0; i < 3000; ++i) {
        shelf& s = *shelves[random() % shelves.size()];
        const std::lock_guard guard(s.mutex);
        if (s.blocks.size() < 200) {
          s.blocks.add(1 + random() % 600, std::size_t{1} << random() % 7);
        } else {
          if (!s.blocks.all_intact()) damaged = true;
          s.blocks.free_every(2);
        }
      }
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 6; ++i) threads.emplace_back(work, i + 1);
    for (auto& t : threads) t.join();
    EXPECT_FALSE(damaged);
    for (auto& s : shelves) s->blocks.free_all();
  }
  EXPECT_TRUE(up.clean());
}

// Allocates and frees on `count` threads so that upstream is called often.
template <class Pool>
void stress(Pool& pool, unsigned count) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; ++t)
    threads.emplace_back([&pool] {
      filled_blocks<Pool> live(pool);
      for (std::size_t i = 0; i < 1000; ++i) {
        live.add(i % 10 == 0 ? 5000 : 1 + i % 300);
        if (live.size() == 500) live.free_every(2);
      }
      live.free_all();
    });
  for (auto& t : threads) t.join();
}

QUARRY_CASE(threads, never_meet_in_upstream) {
  ledger_resource up;
  up.on_call = [] { std::this_thread::yield(); };
  {
    Pool pool({0, 1000}, &up);
    stress(pool, 4);
    EXPECT_GT(up.calls(), 200u);
  }
  EXPECT_EQ(up.overlaps(), 0u);
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(threads, may_share_a_pool_on_a_monotonic_buffer) {
  std::pmr::monotonic_buffer_resource buffer;
  Pool pool(&buffer);
  stress(pool, 4);
}

// One thread sits in upstream; another has all it needs in the pool.
QUARRY_CASE(threads, that_need_no_upstream_never_wait_for_one_that_does) {
  ledger_resource up;
  Pool pool(&up);
  pool.deallocate(pool.allocate(40), 40);
  std::promise<void> entered, open;
  auto gate = open.get_future();
  std::atomic<bool> left = false;
  std::atomic<bool> first = true;
  up.on_call = [&] {
    if (!first.exchange(false)) return;
    entered.set_value();
    gate.wait_for(std::chrono::seconds(3)); // long past what a few calls take
    left = true;
  };
  std::thread slow([&] { (void)pool.allocate(1 << 20); });
  entered.get_future().wait();
  for (int i = 0; i < 100; ++i) pool.deallocate(pool.allocate(40), 40);
  EXPECT_FALSE(left) << "these calls waited until upstream was left";
  open.set_value();
  slow.join();
  up.on_call = nullptr;
}

} // namespace
} // namespace quarry::test
