// Upstream fails at call 0, 1, 2, ...: the exception reaches the caller, nothing is lost, and the pool goes
// on.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <quarry/testing.hpp>

namespace quarry::test {
namespace {

QUARRY_SUITE(failing_upstream, every_pool);

// Many classes, a deep one, and oversized ones: bookkeeping of every kind has to grow.
sizes script() {
  sizes all;
  for (std::size_t size = 1; size < 3000; size += 111) all.push_back(size);
  for (int i = 0; i < 600; ++i) all.push_back(40);
  for (std::size_t i = 0; i < 70; ++i) all.push_back(33000 + i);
  return all;
}

// Runs the script with each call of upstream failing, and does again what failed once it gives.
template <class Pool>
void refuse_each_call(std::size_t failures, std::pmr::pool_options wanted) {
  const auto survives = [&](failing_resource& up) {
    Pool pool(wanted, &up);
    filled_blocks<Pool> live(pool);
    for (const std::size_t size : script()) {
      try {
        live.add(size);
      } catch (const failing_resource::failure&) {
        EXPECT_TRUE(live.all_intact());
        up.fail_never();
        live.add(size);
      }
    }
    EXPECT_TRUE(live.all_intact());
    live.free_every(2);
    EXPECT_TRUE(live.all_intact());
    live.free_all();
    return !::testing::Test::HasFailure();
  };
  EXPECT_GT(for_each_failure_point(survives, failures), 3u) << "the script makes upstream grow";
}

QUARRY_CASE(failing_upstream, one_refusal_at_any_call_of_allocate_loses_nothing) {
  refuse_each_call<Pool>(1, {});
}

QUARRY_CASE(failing_upstream, refusals_from_any_call_on_lose_nothing) {
  refuse_each_call<Pool>(failing_resource::for_ever, {});
}

QUARRY_CASE(failing_upstream, small_chunks_and_caps_lose_nothing_either) {
  refuse_each_call<Pool>(1, {8, 512});
}

// A class is growing: upstream gave once, and throws when asked again.
QUARRY_CASE(failing_upstream, a_throw_at_the_second_call_of_growing_is_survived) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  live.add(100);
  up.refuse_at(1, static_cast<std::size_t>(-1));
  EXPECT_THROW(for (int i = 0; i < 1000000; ++i) live.add(24), ledger_resource::refused);
  EXPECT_TRUE(live.all_intact());
  up.refuse_nothing();
  live.add(24);
  EXPECT_TRUE(live.all_intact());
  live.free_all();
  pool.release();
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(failing_upstream, free_blocks_still_serve_while_upstream_refuses) {
  for (const std::size_t one_in : sizes{2, 3, 7, 50}) {
    ledger_resource up;
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    for (int i = 0; i < 150; ++i) live.add(100);
    const std::size_t count = live.size();
    live.free_every(one_in);
    up.refuse_from_now();
    while (live.size() < count) live.add(100);
    EXPECT_TRUE(live.all_intact());
    live.free_all();
  }
}

QUARRY_CASE(failing_upstream, deallocate_and_release_never_allocate_and_never_throw) {
  ledger_resource up;
  {
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    for (std::size_t i = 0; i < 5000; ++i) live.add(i % 1000);
    for (std::size_t i = 0; i < 500; ++i) live.add(100000 + i);
    const std::size_t asked = up.allocations();
    up.refuse_from_now();
    for (const std::size_t step : sizes{5, 3, 2}) EXPECT_NO_THROW(live.free_every(step));
    EXPECT_TRUE(live.all_intact());
    EXPECT_NO_THROW(live.free_every(1));
    EXPECT_NO_THROW(pool.release());
    EXPECT_EQ(up.allocations(), asked);
  }
  EXPECT_TRUE(up.clean());
}

// release() in the middle of everything, after a refusal at each call.
QUARRY_CASE(failing_upstream, release_after_a_refusal_at_any_call_gives_everything_back) {
  const auto releases = [](failing_resource& up) {
    Pool pool(&up);
    try {
      for (const std::size_t size : script()) (void)pool.allocate(size);
    } catch (const failing_resource::failure&) {
      pool.release();
      EXPECT_EQ(up.blocks_held(), 0u);
      up.fail_never();
      (void)pool.allocate(24);
    }
    pool.release();
    EXPECT_EQ(up.blocks_held(), 0u);
    return !::testing::Test::HasFailure();
  };
  EXPECT_GT(for_each_failure_point(releases, failing_resource::for_ever), 3u);
}

// Not only std::bad_alloc: whatever upstream throws is the caller's.
QUARRY_CASE(failing_upstream, any_exception_passes_through) {
  struct no_such_thing {};
  ledger_resource up;
  Pool pool(&up);
  up.on_call = [] { throw no_such_thing(); };
  EXPECT_THROW((void)pool.allocate(10), no_such_thing);
  EXPECT_THROW((void)pool.allocate(1 << 20), no_such_thing);
  up.on_call = nullptr;
  void* const p = pool.allocate(10);
  EXPECT_NE(p, nullptr);
  pool.deallocate(p, 10);
}

} // namespace
} // namespace quarry::test
