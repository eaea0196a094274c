// Pools and threads begin and end in any order: pools made and destroyed while other threads live or exit,
// release() and trim() against caches of other threads, thread-local containers that outlive a cache.
#include "../support/poisoned.hpp"
#include "support.hpp"

#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <vector>

namespace quarry::test {
namespace {

// Fills this thread's cache of `pool` and leaves nothing live.
void use(sync& pool, std::size_t seed) {
  dice d(seed);
  population<sync> live(pool);
  for (std::size_t i = 0; i < 600; ++i) live.add(d.between(1, 600));
}

// A thread that does what it is told, one piece of work at a time, and keeps its caches in between.
class worker {
public:
  worker() : thread_([this] { serve(); }) {}
  ~worker() {
    hand_over(nullptr);
    thread_.join();
  }
  void run(const std::function<void()>& work) {
    hand_over(&work);
    turn_.wait(true);
  }

private:
  void hand_over(const std::function<void()>* work) {
    work_ = work;
    turn_ = true;
    turn_.notify_all();
  }
  void serve() {
    for (;;) {
      turn_.wait(false);
      if (work_ == nullptr) return;
      (*work_)();
      turn_ = false;
      turn_.notify_all();
    }
  }

  std::atomic<bool> turn_{false};
  const std::function<void()>* work_ = nullptr;
  std::thread thread_;
};

TEST(thread_lifetime, pools_come_and_go_while_threads_live) {
  ledger_resource upstream;
  std::array<worker, 4> workers;
  for (std::size_t round = 0; round < 300 / sanitizer_slowdown; ++round) {
    sync pool(&upstream);
    for (auto& w : workers) w.run([&] { use(pool, round); });
    EXPECT_NO_THROW(pool.check_invariants());
  }
  EXPECT_TRUE(upstream.clean()); // caches of the threads that still live included
}

TEST(thread_lifetime, threads_exit_while_pools_are_destroyed) {
  ledger_resource upstream;
  for (std::size_t round = 0; round < 300 / sanitizer_slowdown; ++round) {
    auto pool = std::make_unique<sync>(&upstream);
    std::latch used(4);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        use(*pool, i);
        used.count_down(); // from here on the pool may go, while this thread exits
      });
    used.wait();
    pool.reset();
    for (auto& t : threads) t.join();
  }
  EXPECT_TRUE(upstream.clean());
  EXPECT_EQ(upstream.overlaps(), 0u);
}

TEST(thread_lifetime, threads_exit_while_others_make_and_destroy_pools) {
  std::atomic<bool> stop = false;
  std::thread maker([&] {
    while (!stop) {
      std::array<sync, 8> pools;
      for (auto& pool : pools) use(pool, 1);
    }
  });
  sync shared;
  for (std::size_t round = 0; round < 400 / sanitizer_slowdown; ++round)
    on_threads(2, [&](std::size_t i) { use(shared, i); });
  stop = true;
  maker.join();
  EXPECT_NO_THROW(shared.check_invariants());
  EXPECT_EQ(shared.statistics().bytes_in_use, 0u);
}

// A thread's caches of far more pools than it can keep at a time.
TEST(thread_lifetime, one_thread_leaves_caches_in_many_pools) {
  ledger_resource upstream;
  {
    std::vector<std::unique_ptr<sync>> pools;
    for (std::size_t i = 0; i < 300; ++i) pools.push_back(std::make_unique<sync>(&upstream));
    worker w;
    w.run([&] {
      for (std::size_t i = 0; i < 3 * pools.size(); ++i) use(*pools[i % pools.size()], i);
    });
    for (std::size_t i = 0; i < pools.size(); i += 2) pools[i].reset();
    w.run([&] {
      for (std::size_t i = 1; i < pools.size(); i += 2) use(*pools[i], i);
    });
  }
  EXPECT_TRUE(upstream.clean());
}

TEST(thread_lifetime, release_makes_every_cache_dead) {
  ledger_resource upstream;
  sync pool(&upstream);
  std::array<worker, 4> workers;
  for (std::size_t round = 0; round < 50; ++round) {
    for (auto& w : workers) w.run([&] { use(pool, round); });
    (void)pool.allocate(100, 8); // release() frees what is live, too
    pool.release();
    EXPECT_TRUE(upstream.clean());
    EXPECT_EQ(pool.statistics().bytes_cached, 0u);
    std::vector<block> blocks;
    for (auto& w : workers)
      w.run([&] {
        for (std::size_t i = 0; i < 50; ++i) {
          blocks.push_back({pool.allocate(64, 8), 64, 8});
          write_pattern(blocks.back(), blocks.size());
        }
      });
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_TRUE(holds_pattern(blocks[i], i + 1));
      pool.deallocate(blocks[i].address, 64, 8);
    }
    EXPECT_NO_THROW(pool.check_invariants());
  }
}

TEST(thread_lifetime, trim_empties_the_caches_of_sleeping_threads) {
  ledger_resource upstream;
  sync pool(&upstream);
  std::array<worker, 4> workers;
  for (auto& w : workers) w.run([&] { use(pool, 1); });
  const std::size_t held = upstream.held();
  const std::size_t given_back = pool.trim();
  EXPECT_EQ(held - upstream.held(), given_back);
  const auto seen = pool.statistics();
  EXPECT_EQ(seen.bytes_cached, 0u);
  EXPECT_EQ(seen.chunks, 0u);
  for (auto& w : workers) w.run([&] { use(pool, 2); });
  EXPECT_NO_THROW(pool.check_invariants());
}

TEST(thread_lifetime, trim_keeps_what_it_is_asked_to_keep) {
  ledger_resource upstream;
  sync pool(&upstream);
  {
    population<sync> live(pool);
    while (live.bytes() < (4 << 20)) live.add(64);
    pool.reserve(64, 8, 32 << 10); // so that the empty chunks are still there to be trimmed
  }
  const std::size_t held = upstream.held();
  EXPECT_EQ(pool.trim(held), 0u);
  EXPECT_EQ(upstream.held(), held);
}

TEST(thread_lifetime, trim_while_threads_work) {
  ledger_resource upstream;
  sync pool(&upstream);
  std::atomic<bool> stop = false;
  std::thread trimmer([&] {
    while (!stop) {
      pool.trim();
      std::this_thread::yield();
    }
  });
  on_threads(3, [&](std::size_t thread) {
    for (std::size_t i = 0; i < 300 / sanitizer_slowdown; ++i) use(pool, thread + i);
  });
  stop = true;
  trimmer.join();
  EXPECT_NO_THROW(pool.check_invariants());
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  EXPECT_EQ(upstream.overlaps(), 0u);
}

// Too few for a depot: they are in its magazine, which others empty before another slab is taken.
TEST(thread_lifetime, what_a_thread_that_has_left_had_in_its_cache_serves_the_others) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no caches";
  sync pool;
  population<sync> first(pool); // all that the nursery has room for
  while (first.bytes() < 3 << 16) first.add(48);
  std::latch used(1), left(1);
  std::thread other([&] { // has a cache of its own, with blocks of another size
    {
      population<sync> live(pool);
      for (int i = 0; i < 100; ++i) live.add(64);
    }
    used.count_down();
    left.wait();
    const auto before = pool.statistics();
    population<sync> live(pool);
    for (int i = 0; i < 100; ++i) live.add(40);
    const auto after = pool.statistics();
    EXPECT_LE(after.slabs, before.slabs);
    EXPECT_EQ(after.bytes_held, before.bytes_held);
  });
  used.wait();
  on_another_thread([&] {
    {
      population<sync> live(pool);
      for (int i = 0; i < 100; ++i) live.add(40);
    }
    EXPECT_GT(pool.statistics().bytes_cached, 0u);
  });
  left.count_down();
  other.join();
  pool.trim();
  EXPECT_EQ(pool.statistics().bytes_cached, 0u);
}

TEST(thread_lifetime, a_thread_has_as_much_room_as_those_that_have_left_had) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no caches";
  sync pool;
  const auto cached_by_a_thread = [&] {
    std::size_t cached = 0;
    on_another_thread([&] {
      {
        population<sync> live(pool);
        for (int i = 0; i < 1000; ++i) live.add(40);
      }
      cached = pool.statistics().bytes_cached;
    });
    return cached;
  };
  const std::size_t first = cached_by_a_thread();
  EXPECT_GT(first, 5000u);
  for (int i = 0; i < 10; ++i) EXPECT_GE(cached_by_a_thread(), first - first / 4);
}

} // namespace
} // namespace quarry::test
