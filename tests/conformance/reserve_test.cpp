// reserve: from then on so many blocks can be live without a call upstream.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <cstdint>
#include <future>
#include <stdexcept>
#include <thread>

namespace quarry::test {
namespace {

QUARRY_SUITE(reserve, our_pools);

constexpr std::size_t reserved_size = 40, reserved_count = 1000;

// Has `n` blocks live and frees them, while upstream would refuse.
template <class Pool>
void expect_served(Pool& pool, ledger_resource& up, std::size_t n = reserved_count) {
  const std::size_t calls = up.calls();
  up.refuse_from_now();
  filled_blocks<Pool> live(pool);
  for (std::size_t i = 0; i < n; ++i) live.add(reserved_size, 8);
  EXPECT_TRUE(live.all_intact());
  EXPECT_EQ(up.calls(), calls);
  live.free_all();
  EXPECT_EQ(up.allocations() + up.deallocations(), calls);
  up.refuse_nothing();
}

QUARRY_CASE(reserve, blocks_are_served_without_upstream_again_and_again) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  EXPECT_GE(up.held(), reserved_size * reserved_count);
  for (int round = 0; round < 20; ++round) expect_served(pool, up);
  pool.check_invariants();
}

QUARRY_CASE(reserve, holds_for_every_kind_of_block) {
  for (const std::size_t bytes : sizes{0, 1, 8, 17, 64, 100, 1000, 4000, 30000})
    for (const std::size_t alignment : sizes{1, 16, 64, 4096}) {
      ledger_resource up;
      Pool pool(&up);
      pool.reserve(bytes, alignment, 100);
      const std::size_t calls = up.calls();
      up.refuse_from_now();
      filled_blocks<Pool> live(pool);
      for (int i = 0; i < 100; ++i) live.add(bytes, alignment);
      EXPECT_EQ(up.calls(), calls) << bytes << " at " << alignment;
      EXPECT_TRUE(live.all_aligned());
      EXPECT_TRUE(live.all_intact());
    }
}

QUARRY_CASE(reserve, counts_in_total_as_vector_s) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  const std::size_t calls = up.calls();
  pool.reserve(reserved_size, 8, reserved_count);
  pool.reserve(reserved_size, 8, reserved_count / 2);
  pool.reserve(reserved_size, 8, 0);
  EXPECT_EQ(up.calls(), calls);
}

QUARRY_CASE(reserve, counts_blocks_already_live) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  constexpr std::size_t count = 20 * reserved_count; // most of which lie in slabs
  for (std::size_t i = 0; i < count; ++i) live.add(reserved_size, 8);
  const std::size_t held = up.held();
  pool.reserve(reserved_size, 8, count);
  EXPECT_LT(up.held(), held + reserved_size * count / 4) << "that many were live already";
  pool.reserve(reserved_size, 8, count + reserved_count);
  expect_served(pool, up, reserved_count);
  EXPECT_TRUE(live.all_intact());
}

QUARRY_CASE(reserve, is_not_used_up_by_other_kinds) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  filled_blocks<Pool> others(pool);
  for (std::size_t i = 0; i < 5000; ++i) others.add(48 + i % 500, 8);
  expect_served(pool, up);
  others.free_all();
  for (std::size_t i = 0; i < 5000; ++i) others.add(100 + i % 2000, 8);
  expect_served(pool, up);
  pool.check_invariants();
}

QUARRY_CASE(reserve, is_never_trimmed_away) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  for (int round = 0; round < 3; ++round) {
    (void)pool.trim();
    expect_served(pool, up);
  }
}

QUARRY_CASE(reserve, survives_a_burst_that_comes_down) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  for (int round = 0; round < 5; ++round) {
    filled_blocks<Pool> burst(pool);
    for (std::size_t i = 0; i < 20 * reserved_count; ++i) burst.add(reserved_size, 8);
    burst.free_all();
    for (std::size_t i = 0; i < 40 * reserved_count; ++i) pool.deallocate(pool.allocate(200), 200);
    (void)pool.trim();
  }
  expect_served(pool, up);
}

QUARRY_CASE(reserve, ends_with_release) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  pool.release();
  EXPECT_TRUE(up.clean());
  void* const p = pool.allocate(reserved_size, 8);
  EXPECT_LT(up.held(), reserved_size * reserved_count);
  pool.deallocate(p, reserved_size, 8);
}

QUARRY_CASE(reserve, of_oversized_blocks_is_an_invalid_argument_and_no_call) {
  ledger_resource up;
  Pool pool(&up);
  const std::size_t above = pool.options().largest_required_pool_block + 1;
  std::size_t alignment = 1;
  while (alignment < above) alignment *= 2;
  EXPECT_THROW(pool.reserve(above, 1, 1), std::invalid_argument);
  EXPECT_THROW(pool.reserve(1, alignment, 1), std::invalid_argument);
  EXPECT_THROW(pool.reserve(SIZE_MAX, 64, 1), std::invalid_argument);
  EXPECT_EQ(up.calls(), 0u);
}

QUARRY_CASE(reserve, of_more_than_there_is_throws_and_changes_nothing) {
  ledger_resource up;
  {
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    for (int i = 0; i < 100; ++i) live.add(reserved_size, 8);
    up.refuse_from_now();
    for (const std::size_t too_many :
         sizes{SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / reserved_size, std::size_t{1} << 40})
      EXPECT_ANY_THROW(pool.reserve(reserved_size, 8, too_many)) << too_many;
    up.refuse_nothing();
    pool.check_invariants();
    EXPECT_TRUE(live.all_intact());
    live.free_all();
    live.add(reserved_size, 8);
  }
  EXPECT_TRUE(up.clean());
}

// Two that reserve blocks of one class at the same time: the second from within upstream, while the first
// has obtained some, and then fails.
QUARRY_CASE(reserve, stays_in_force_when_another_of_the_class_fails) {
  ledger_resource up;
  Pool pool(&up);
  int calls = 0;
  up.on_call = [&] {
    if (++calls != 30) return;
    pool.reserve(reserved_size, 8, reserved_count);
    up.refuse_from_now();
  };
  EXPECT_THROW(pool.reserve(reserved_size, 8, 1000 * reserved_count), ledger_resource::refused);
  up.refuse_nothing();
  (void)pool.trim();
  expect_served(pool, up);
}

QUARRY_CASE(reserve, that_fails_gives_back_what_it_obtained) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  for (int i = 0; i < 100; ++i) live.add(reserved_size, 8);
  const std::size_t before = up.held();
  up.refuse_at(200, SIZE_MAX / 2);
  EXPECT_THROW(pool.reserve(reserved_size, 8, 1'000'000), ledger_resource::refused);
  EXPECT_GT(up.peak_held(), before + (1 << 20));
  EXPECT_LT(up.held(), before + (1 << 18)) << "but for bookkeeping";
}

QUARRY_SUITE(reserve_synchronized, our_synchronized_pool);

QUARRY_CASE(reserve_synchronized, serves_any_thread) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  std::thread([&] { expect_served(pool, up); }).join();
  expect_served(pool, up);
}

// Free blocks in the cache of a thread that does nothing are part of the reserve.
QUARRY_CASE(reserve_synchronized, serves_a_thread_while_another_sits_on_a_full_cache) {
  ledger_resource up;
  Pool pool(&up);
  pool.reserve(reserved_size, 8, reserved_count);
  std::promise<void> cached, served;
  std::thread idle([&] {
    expect_served(pool, up);
    cached.set_value();
    served.get_future().wait();
  });
  cached.get_future().wait();
  expect_served(pool, up);
  served.set_value();
  idle.join();
}

} // namespace
} // namespace quarry::test
