#include "support/ledger_resource.hpp"

#include <quarry/limit_resource.hpp>
#include <quarry/pool_resource.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <random>
#include <thread>
#include <vector>

namespace {

using quarry::limit_resource;
using quarry::test::ledger_resource;

TEST(limit_resource, gives_the_budget_to_the_byte) {
  ledger_resource upstream;
  limit_resource limit(&upstream, 1000);
  EXPECT_EQ(limit.max_bytes(), 1000u);
  EXPECT_EQ(limit.bytes_left(), 1000u);
  void* const a = limit.allocate(999, 64);
  EXPECT_EQ(limit.bytes_left(), 1u);
  EXPECT_THROW(static_cast<void>(limit.allocate(2, 1)), std::bad_alloc);
  void* const b = limit.allocate(1, 1);
  EXPECT_EQ(limit.bytes_left(), 0u);
  void* const nothing = limit.allocate(0, 1);
  limit.deallocate(nothing, 0, 1);
  limit.deallocate(a, 999, 64);
  EXPECT_EQ(limit.bytes_left(), 999u);
  limit.deallocate(b, 1, 1);
  EXPECT_EQ(limit.bytes_left(), 1000u);
  EXPECT_TRUE(upstream.clean());
}

TEST(limit_resource, asks_upstream_nothing_when_over) {
  ledger_resource upstream;
  limit_resource limit(&upstream, 1000);
  for (const std::size_t bytes : {std::size_t{1001}, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX})
    EXPECT_THROW(static_cast<void>(limit.allocate(bytes)), std::bad_alloc);
  EXPECT_EQ(upstream.calls(), 0u);
  EXPECT_EQ(limit.bytes_left(), 1000u);
}

TEST(limit_resource, of_nothing_and_of_everything) {
  ledger_resource upstream;
  limit_resource nothing(&upstream, 0), everything(&upstream, SIZE_MAX);
  EXPECT_THROW(static_cast<void>(nothing.allocate(1)), std::bad_alloc);
  nothing.deallocate(nothing.allocate(0), 0);
  volatile std::size_t all = SIZE_MAX; // the compiler would warn of it
  EXPECT_THROW(static_cast<void>(everything.allocate(all)), ledger_resource::refused);
  everything.deallocate(everything.allocate(4096), 4096);
  EXPECT_EQ(everything.bytes_left(), SIZE_MAX);
}

TEST(limit_resource, passes_on_what_upstream_throws_and_forgets_the_request) {
  ledger_resource upstream;
  limit_resource limit(&upstream, 1000);
  upstream.refuse_at(0);
  EXPECT_THROW(static_cast<void>(limit.allocate(1000)), ledger_resource::refused);
  EXPECT_EQ(limit.bytes_left(), 1000u);
  limit.deallocate(limit.allocate(1000), 1000);
  upstream.on_call = [] { throw 17; };
  EXPECT_THROW(static_cast<void>(limit.allocate(1000)), int);
  EXPECT_EQ(limit.bytes_left(), 1000u);
}

TEST(limit_resource, is_itself_only) {
  ledger_resource upstream;
  const limit_resource one(&upstream, 10), other(&upstream, 10);
  EXPECT_TRUE(one.is_equal(one));
  EXPECT_FALSE(one.is_equal(other));
  EXPECT_FALSE(one.is_equal(upstream));
  EXPECT_EQ(one.upstream_resource(), &upstream);
}

struct block {
  void* p;
  std::size_t size, alignment;
};

// A random script: a request succeeds exactly when it fits and upstream is willing.
TEST(limit_resource, agrees_with_a_ledger) {
  std::mt19937 random(20);
  for (const std::size_t budget : {0u, 100u, 5'000u, 100'000u}) {
    ledger_resource upstream;
    limit_resource limit(&upstream, budget);
    std::vector<block> blocks;
    for (int step = 0; step != 5000; ++step) {
      const std::size_t size = random() % (random() % 2 ? 64 : 3000),
                        alignment = std::size_t{1} << random() % 8;
      if (random() % 5 < 3) {
        const bool willing = random() % 10 != 0, fits = upstream.held() + size <= budget;
        if (!willing) upstream.refuse_at(0);
        if (willing && fits)
          blocks.push_back({limit.allocate(size, alignment), size, alignment});
        else
          EXPECT_THROW(static_cast<void>(limit.allocate(size, alignment)), std::bad_alloc);
        upstream.refuse_nothing();
      } else if (!blocks.empty()) {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        limit.deallocate(blocks.back().p, blocks.back().size, blocks.back().alignment);
        blocks.pop_back();
      }
      ASSERT_EQ(upstream.held() + limit.bytes_left(), budget);
    }
    EXPECT_LE(upstream.peak_held(), budget);
    for (const block& b : blocks) limit.deallocate(b.p, b.size, b.alignment);
    EXPECT_EQ(limit.bytes_left(), budget);
    EXPECT_TRUE(upstream.clean());
  }
}

template <class F>
void run_on_threads(unsigned count, F f) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t != count; ++t) threads.emplace_back([&f, t] { f(t); });
  for (auto& thread : threads) thread.join();
}

TEST(limit_resource_threads, never_over) {
  ledger_resource upstream;
  constexpr std::size_t budget = 20'000;
  limit_resource limit(&upstream, budget);
  std::atomic<std::size_t> refused = 0;
  run_on_threads(4, [&](unsigned t) {
    std::mt19937 random(t);
    std::vector<block> blocks;
    for (int step = 0; step != 5000; ++step) {
      if (random() % 3 != 0) {
        const std::size_t size = random() % 2000;
        try {
          blocks.push_back({limit.allocate(size, 8), size, 8});
        } catch (const std::bad_alloc&) {
          ++refused;
        }
      }
      if (blocks.size() > 20 || (!blocks.empty() && random() % 3 == 0)) {
        limit.deallocate(blocks.back().p, blocks.back().size, 8);
        blocks.pop_back();
      }
    }
    for (const block& b : blocks) limit.deallocate(b.p, b.size, 8);
  });
  EXPECT_GT(refused.load(), 0u);
  EXPECT_LE(upstream.peak_held(), budget);
  EXPECT_EQ(limit.bytes_left(), budget);
  EXPECT_TRUE(upstream.clean());
}

// What a thread gave back it can have at once, whatever the others do.
TEST(limit_resource_threads, never_refuses_what_is_left) {
  limit_resource limit(std::pmr::new_delete_resource(), 4 * 100);
  std::atomic<std::size_t> refused = 0;
  run_on_threads(4, [&](unsigned) {
    for (int step = 0; step != 20'000; ++step) try {
        limit.deallocate(limit.allocate(100, 4), 100, 4);
      } catch (const std::bad_alloc&) {
        ++refused;
      }
  });
  EXPECT_EQ(refused.load(), 0u);
  EXPECT_EQ(limit.bytes_left(), 400u);
}

TEST(limit_resource, bounds_a_pool) {
  ledger_resource upstream;
  constexpr std::size_t budget = std::size_t{1} << 20;
  limit_resource limit(&upstream, budget);
  quarry::unsynchronized_pool_resource pool(&limit);
  std::vector<void*> blocks;
  for (bool refused = false; !refused;) try {
      blocks.push_back(pool.allocate(200, 8));
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  EXPECT_GT(blocks.size() * 200, budget / 2);
  EXPECT_LE(upstream.peak_held(), budget);
  for (void* const p : blocks) pool.deallocate(p, 200, 8);
  pool.release();
  EXPECT_EQ(limit.bytes_left(), budget);
}

} // namespace
