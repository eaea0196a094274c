// release() while other threads are at work on the pool, or on their way out, and while upstream calls back.
#include "../support/poisoned.hpp"
#include "support.hpp"
#include <quarry/page_resource.hpp>
#include <quarry/segment_pool.hpp>

#include <atomic>
#include <thread>

namespace quarry::test {
namespace {

constexpr std::size_t calls_each = 20'000 / sanitizer_slowdown / (under_tsan ? 4 : 1);

// What was allocated before is dead, and nobody touches it.
template <class Pool, class Work>
void release_meanwhile(Pool& pool, std::size_t calls_due, Work work) {
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> calls = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      for (std::size_t n = 0; !stop; ++n, ++calls) work(i, n);
    });
  while (calls < calls_due) {
    pool.release();
    std::this_thread::yield();
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  EXPECT_NO_THROW(pool.check_invariants());
}

TEST(release, of_a_pool_that_threads_allocate_from) {
  ledger_resource upstream;
  sync pool(&upstream);
  release_meanwhile(pool, calls_each, [&](std::size_t thread, std::size_t n) {
    const std::size_t bytes = n % 300 == 0 ? 100'000 : (thread + 1) * 40 + n % 9 * 64;
    (void)pool.allocate(bytes, 8);
  });
  pool.release();
  EXPECT_TRUE(upstream.clean());
  EXPECT_EQ(upstream.overlaps(), 0u);
}

TEST(release, of_a_pool_that_threads_look_at) {
  sync pool;
  release_meanwhile(pool, calls_each / 20, [&](std::size_t thread, std::size_t n) {
    if (thread == 0) {
      (void)pool.allocate(8 + n % 2000, 8);
      return;
    }
    const pool_statistics seen = pool.statistics();
    EXPECT_LT(seen.peak_bytes_in_use, std::size_t{1} << 40);
    (void)pool.owns(&pool);
    pool.trim();
    pool.reserve(64, 8, 10);
    EXPECT_NO_THROW(pool.check_invariants());
  });
}

TEST(release, of_a_segment_pool_leaves_what_handles_have) {
  segment_pool pool({.slab_size = 65536, .largest_segment = 16384});
  release_meanwhile(pool, calls_each, [&](std::size_t thread, std::size_t n) {
    segment s = pool.allocate_segment(n % 100 == 0 ? 50'000 : 1000 * (thread + 1));
    s.span().front() = std::byte{1};
    s.span().back() = std::byte{1};
  });
}

// Their caches go back to the pool meanwhile.
TEST(release, while_threads_are_on_their_way_out) {
  for (std::size_t i = 0; i < 200 / sanitizer_slowdown; ++i) {
    sync pool;
    std::atomic<int> done = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&] {
        population<sync> live(pool);
        for (std::size_t n = 0; n < 200; ++n) live.add(8 + n * 20);
        live.free_all();
        ++done;
      });
    while (done != 8) std::this_thread::yield();
    pool.release();
    for (std::thread& t : threads) t.join();
    EXPECT_NO_THROW(pool.check_invariants());
  }
}

template <class Pool>
class release_within : public ::testing::Test {};
TYPED_TEST_SUITE(release_within, both_pools, pool_names);

// At each of upstream's calls in turn.
TYPED_TEST(release_within, upstream_that_calls_back_finds_a_pool_in_order) {
  for (std::size_t at = 1; at < 60; ++at) {
    ledger_resource upstream;
    TypeParam pool(&upstream);
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 0; i < 3000; ++i) (void)pool.allocate(8 + i * 7 % 2000, 8);
      (void)pool.allocate(100'000, 8);
      std::size_t calls = 0;
      upstream.on_call = [&] {
        if (++calls != at) return;
        void* const block = pool.allocate(40, 8);
        pool.deallocate(block, 40, 8);
        (void)pool.statistics();
        (void)pool.owns(block);
      };
      pool.release();
      upstream.on_call = nullptr;
      EXPECT_NO_THROW(pool.check_invariants()) << at;
      EXPECT_EQ(pool.statistics().bytes_in_use, 0u) << at;
    }
    pool.release();
    EXPECT_TRUE(upstream.clean()) << at;
  }
}

TEST(release_within, upstream_that_calls_back_finds_a_segment_pool_in_order) {
  for (std::size_t at = 1; at < 40; ++at) {
    ledger_resource upstream(page_resource());
    segment_pool pool({.slab_size = 65536, .largest_segment = 16384}, &upstream);
    for (int round = 0; round < 2; ++round) {
      std::vector<segment> live;
      for (std::size_t i = 0; i < 500; ++i) live.push_back(pool.allocate_segment(64 + i * 40 % 8000));
      live.clear();
      std::size_t calls = 0;
      upstream.on_call = [&] {
        if (++calls != at) return;
        EXPECT_FALSE(pool.owns(&pool));
        const segment s = pool.try_allocate_segment(300);
        pool.for_each_region([](const region&) {});
      };
      pool.release();
      upstream.on_call = nullptr;
      EXPECT_NO_THROW(pool.check_invariants()) << at;
    }
    pool.release();
    EXPECT_TRUE(upstream.clean()) << at;
  }
}

} // namespace
} // namespace quarry::test
