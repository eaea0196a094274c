// What caches may keep: free blocks in thread caches come to at most max(1 MiB, live / 8) per pool and their
// bookkeeping to at most 4 KiB a thread, however many threads there are, idle ones included.
#include "support.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <latch>
#include <memory>

namespace quarry::test {
namespace {

// Threads that do some work and then sleep, alive, until this goes.
class sleeping_threads {
public:
  sleeping_threads(std::size_t count, const std::function<void(std::size_t)>& work)
      : worked_(static_cast<std::ptrdiff_t>(count)) {
    for (std::size_t i = 0; i < count; ++i)
      threads_.emplace_back([this, work, i] {
        work(i);
        worked_.count_down();
        wake_.wait();
      });
    worked_.wait();
  }
  ~sleeping_threads() {
    wake_.count_down();
    for (auto& t : threads_) t.join();
  }

private:
  std::latch worked_, wake_{1};
  std::vector<std::thread> threads_;
};

// 1000 blocks of mixed sizes live at a time, a few times over.
void fill_and_empty_caches(sync& pool, std::size_t seed) {
  dice d(seed);
  population<sync> live(pool);
  for (std::size_t i = 0; i < 600; ++i) live.add(d.between(8, 1024));
  for (std::size_t i = 0; i < 300; ++i) {
    live.free_random(d);
    live.add(d.between(8, 1024));
  }
}

std::size_t budget(const sync& pool) { return std::max(mebibyte, pool.statistics().bytes_in_use / 8); }

// TSan takes time in proportion to the square of the threads that live.
constexpr std::size_t many = under_tsan ? 150 : 1000;

// All that comes back has no magazine, and those who have some do nothing. How much of it they come to have
// depends on who runs when, so there are more until it is too much.
TEST(thread_budget, falls_with_what_is_live_whoever_frees) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  sync pool({0, 65'536});
  population<sync> bulk(pool);
  for (int i = 0; i < 3300; ++i) bulk.add(40'000);
  std::vector<std::unique_ptr<sleeping_threads>> idle;
  while (pool.statistics().bytes_cached <= mebibyte && idle.size() < 10)
    idle.push_back(std::make_unique<sleeping_threads>(48, [&](std::size_t thread) {
      dice d(thread);
      population<sync> live(pool);
      for (int i = 0; i < 500; ++i) live.add(d.between(1, 32'000));
    }));
  EXPECT_GT(pool.statistics().bytes_cached, mebibyte) << "else there is nothing to see";
  bulk.free_all();
  EXPECT_LE(pool.statistics().bytes_cached, mebibyte);
}

TEST(thread_budget, of_one_thread_falls_with_what_is_live) {
  if (under_sanitizer) GTEST_SKIP() << "memory bounds do not apply under ASan, and TSan sees one thread";
  unsync pool;
  population<unsync> bulk(pool), live(pool);
  for (int i = 0; i < 2'000'000; ++i) bulk.add(64);
  dice d(1);
  for (int i = 0; i < 3000; ++i) live.add(d.between(1, 32'000));
  live.free_all();
  bulk.free_all();
  EXPECT_LE(pool.statistics().bytes_cached, mebibyte);
}

TEST(thread_budget, a_thousand_idle_threads_cache_at_most_1_MiB) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  sync pool(&upstream);
  const sleeping_threads idle(many, [&](std::size_t thread) { fill_and_empty_caches(pool, thread); });
  const auto seen = pool.statistics();
  std::printf("%zu idle threads: %zu KiB cached, %zu KiB held\n", many, seen.bytes_cached / 1024,
              upstream.held() / 1024);
  EXPECT_EQ(seen.bytes_in_use, 0u);
  EXPECT_LE(seen.bytes_cached, mebibyte);
  EXPECT_NO_THROW(pool.check_invariants());
}

TEST(thread_budget, a_thousand_idle_threads_cache_at_most_an_eighth_of_what_is_live) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  sync pool(&upstream);
  population<sync> live(pool);
  while (live.bytes() < 32 * mebibyte) live.add(100);
  const sleeping_threads idle(many, [&](std::size_t thread) { fill_and_empty_caches(pool, thread); });
  EXPECT_LE(pool.statistics().bytes_cached, budget(pool));
}

// The other way round: caches filled while much was live are brought within the budget of what is left.
TEST(thread_budget, follows_the_live_set_down) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  sync pool(&upstream);
  population<sync> live(pool);
  while (live.bytes() < 64 * mebibyte) live.add(100);
  const sleeping_threads idle(many, [&](std::size_t thread) { fill_and_empty_caches(pool, thread); });
  live.free_all();
  EXPECT_LE(pool.statistics().bytes_cached, mebibyte);
}

TEST(thread_budget, holds_for_one_class_of_large_blocks) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  sync pool(&upstream);
  const sleeping_threads idle(many, [&](std::size_t) {
    population<sync> live(pool);
    for (std::size_t i = 0; i < 8; ++i) live.add(16 * 1024);
  });
  EXPECT_LE(pool.statistics().bytes_cached, mebibyte);
}

// They are a page of the system each, see tests/thread_cache_test.cpp.
TEST(thread_budget, caches_take_no_bookkeeping_of_upstream) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  sync pool(&upstream);
  const sleeping_threads idle(many, [&](std::size_t thread) { fill_and_empty_caches(pool, thread); });
  pool.trim();
  std::printf("%zu idle threads: %zu KiB held after trim\n", many, upstream.held() / 1024);
  EXPECT_LE(upstream.held(), 256 * 1024);
}

TEST(many_pools, five_thousand_live_ones_serve_three_threads) {
  const std::size_t count = 5000;
  std::vector<std::unique_ptr<sync>> pools;
  for (std::size_t i = 0; i < count; ++i) pools.push_back(std::make_unique<sync>());
  std::atomic<std::size_t> broken = 0;
  on_threads(3, [&](std::size_t thread) {
    for (std::size_t i = 0; i < count; ++i) {
      sync& pool = *pools[(i * 7 + thread * 1234) % count];
      const block b{pool.allocate(32 + thread, 8), 32 + thread, 8};
      write_pattern(b, i + thread);
      broken += !holds_pattern(b, i + thread);
      pool.deallocate(b.address, b.bytes, b.alignment);
    }
  });
  EXPECT_EQ(broken, 0u);
  for (auto& pool : pools) {
    EXPECT_NO_THROW(pool->check_invariants());
    EXPECT_EQ(pool->statistics().bytes_in_use, 0u);
  }
}

// Every pool keeps a block of each thread while all others are used.
TEST(many_pools, keep_their_blocks_apart) {
  const std::size_t count = 5000, threads = 3;
  ledger_resource upstream;
  {
    std::vector<std::unique_ptr<sync>> pools;
    for (std::size_t i = 0; i < count; ++i) pools.push_back(std::make_unique<sync>(&upstream));
    std::vector<block> blocks(threads * count);
    on_threads(threads, [&](std::size_t thread) {
      for (std::size_t i = thread * count; i < (thread + 1) * count; ++i) {
        blocks[i] = {pools[i % count]->allocate(48, 8), 48, 8};
        write_pattern(blocks[i], i);
      }
    });
    on_threads(threads, [&](std::size_t thread) { // each frees what its neighbour allocated
      const std::size_t first = (thread + 1) % threads * count;
      for (std::size_t i = first; i < first + count; ++i) {
        EXPECT_TRUE(pools[i % count]->owns(blocks[i].address));
        EXPECT_TRUE(holds_pattern(blocks[i], i));
        pools[i % count]->deallocate(blocks[i].address, 48, 8);
      }
    });
  }
  EXPECT_TRUE(upstream.clean());
}

} // namespace
} // namespace quarry::test
