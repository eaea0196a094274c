// Upstream fails at call 0, 1, 2, ... in every public operation: nothing is lost, and the books are right.
#include "../support/ledger_resource.hpp"
#include "../support/poisoned.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <functional>
#include <quarry/testing.hpp>
#include <thread>

namespace quarry::test {
namespace {

QUARRY_SUITE(failing_operations, our_pools);

// Everything a pool is asked to do, one step after another.
template <class Pool>
std::vector<std::function<void(Pool&, filled_blocks<Pool>&)>> steps() {
  using blocks = filled_blocks<Pool>;
  return {
      [](Pool&, blocks& live) { live.add(24); },
      [](Pool&, blocks& live) { live.add(10000, 64); },
      [](Pool& pool, blocks&) { pool.reserve(40, 8, 300); },
      [](Pool& pool, blocks&) {
        const auto got = pool.allocate_at_least(1000, 16);
        pool.deallocate(got.ptr, got.size, 16);
      },
      [](Pool&, blocks& live) {
        for (std::size_t i = 0; i < 300; ++i) live.add(40 + i);
      },
      [](Pool&, blocks& live) { live.free_every(2); },
      [](Pool& pool, blocks&) { (void)pool.trim(10000); },
      [](Pool&, blocks& live) {
        for (std::size_t i = 0; i < 100; ++i) live.add(5000 + i);
      },
      [](Pool& pool, blocks&) { (void)pool.trim(); },
      [](Pool& pool, blocks&) { pool.reserve(3000, 1024, 50); },
      [](Pool&, blocks& live) { live.free_every(3); },
      [](Pool& pool, blocks&) {
        EXPECT_FALSE(pool.owns(&pool));
        EXPECT_GT(pool.statistics().bytes_held, 0u);
      },
      [](Pool& pool, blocks& live) {
        pool.release();
        live.forget_all();
      },
      [](Pool&, blocks& live) { live.add(100); },
      [](Pool&, blocks& live) { live.free_all(); },
  };
}

template <class Pool>
void expect_sound(const Pool& pool, const failing_resource& up, const filled_blocks<Pool>& live) {
  EXPECT_NO_THROW(pool.check_invariants());
  EXPECT_TRUE(live.all_intact());
  EXPECT_EQ(pool.statistics().bytes_held, up.bytes_held());
  std::size_t in_use = 0;
  for (const auto& b : live.blocks()) in_use += block_serving(pool, b.size, b.alignment);
  EXPECT_EQ(pool.statistics().bytes_in_use, in_use);
}

// What failed is done again when upstream gives.
template <class Pool>
bool survives(failing_resource& up) {
  Pool pool({0, 4096}, &up);
  filled_blocks<Pool> live(pool);
  for (const auto& step : steps<Pool>()) {
    try {
      step(pool, live);
    } catch (const failing_resource::failure&) {
      expect_sound(pool, up, live);
      up.fail_never();
      step(pool, live);
      expect_sound(pool, up, live);
    }
  }
  expect_sound(pool, up, live);
  live.free_all();
  return !::testing::Test::HasFailure();
}

template <class Pool>
void refuse_each_call(std::size_t failures) {
  EXPECT_GT(for_each_failure_point(survives<Pool>, failures), 100u)
      << "the oversized blocks alone are that many calls";
}

QUARRY_CASE(failing_operations, one_refusal_anywhere_loses_nothing) { refuse_each_call<Pool>(1); }

QUARRY_CASE(failing_operations, refusals_from_anywhere_on_lose_nothing) {
  refuse_each_call<Pool>(failing_resource::for_ever);
}

// The first thing a thread does with a pool needs memory for its cache: without any it still frees, straight
// to the slab, and gets what is free.
QUARRY_CASE(failing_operations, a_new_pool_s_first_calls_may_all_be_refused) {
  ledger_resource up;
  {
    Pool pool(&up);
    up.refuse_from_now();
    EXPECT_THROW((void)pool.allocate(24), ledger_resource::refused);
    EXPECT_THROW((void)pool.allocate(1 << 20), ledger_resource::refused);
    EXPECT_THROW((void)pool.allocate_at_least(100), ledger_resource::refused);
    EXPECT_THROW(pool.reserve(24, 8, 10), ledger_resource::refused);
    EXPECT_EQ(pool.trim(), 0u);
    pool.check_invariants();
    pool.release();
    EXPECT_EQ(up.held(), 0u);
    up.refuse_nothing();
    void* const p = pool.allocate(24);
    pool.check_invariants();
    pool.deallocate(p, 24);
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_SUITE(failing_operations_synchronized, our_synchronized_pool);

QUARRY_CASE(failing_operations_synchronized, a_new_thread_frees_while_upstream_refuses) {
  ledger_resource up;
  {
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    for (std::size_t i = 0; i < 500; ++i) live.add(i);
    up.refuse_from_now();
    const std::size_t asked = up.allocations();
    std::thread([&] {
      live.free_every(2);
      EXPECT_TRUE(live.all_intact());
    }).join();
    EXPECT_EQ(up.allocations(), asked);
    pool.check_invariants();
    live.free_all();
  }
  EXPECT_TRUE(up.clean());
}

} // namespace
} // namespace quarry::test
