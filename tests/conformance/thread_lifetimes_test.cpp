// Synchronized pools and threads end in any order.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <thread>

namespace quarry::test {
namespace {

QUARRY_SUITE(thread_lifetimes, every_synchronized_pool);

QUARRY_CASE(thread_lifetimes, live_through_release_with_their_caches_dead) {
  ledger_resource up;
  Pool pool(&up);
  std::promise<void> warm, released;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) pool.deallocate(pool.allocate(40), 40);
    warm.set_value();
    released.get_future().wait();
    EXPECT_TRUE(up.clean());
    filled_blocks<Pool> live(pool);
    for (int i = 0; i < 100; ++i) live.add(40);
    EXPECT_GT(up.held(), 4000u) << "blocks from before the release";
    EXPECT_TRUE(live.all_intact());
    live.free_all();
  });
  warm.get_future().wait();
  pool.release();
  released.set_value();
  other.join();
}

QUARRY_CASE(thread_lifetimes, outlive_pools_they_used) {
  ledger_resource up;
  for (int round = 0; round < 50; ++round) {
    auto pool = std::make_unique<Pool>(&up);
    std::promise<void> used, destroyed;
    std::thread outliving([&] {
      pool->deallocate(pool->allocate(40), 40);
      (void)pool->allocate(100);
      used.set_value();
      destroyed.get_future().wait();
    });
    used.get_future().wait();
    pool.reset();
    EXPECT_TRUE(up.clean());
    destroyed.set_value();
    outliving.join();
  }
}

// Pools are made and destroyed at the very time at which threads that used them exit.
QUARRY_CASE(thread_lifetimes, exit_while_pools_are_destroyed) {
  ledger_resource up;
  for (int round = 0; round < 200; ++round) {
    auto pool = std::make_unique<Pool>(&up);
    std::vector<std::thread> threads;
    std::atomic<int> done = 0;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&p = *pool, &done] {
        p.deallocate(p.allocate(40), 40);
        done.fetch_add(1);
      });
    while (done.load() < 3) std::this_thread::yield();
    pool.reset();
    for (auto& t : threads) t.join();
    ASSERT_TRUE(up.clean());
  }
}

} // namespace
} // namespace quarry::test
