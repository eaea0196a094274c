// statistics(): exact on one thread, and every sum adds up in every snapshot.
#include "../support/ledger_resource.hpp"
#include "../support/poisoned.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <map>
#include <random>

namespace quarry::test {
namespace {

QUARRY_SUITE(statistics, our_pools);

// Compares all that can be known from outside.
template <class Pool>
void expect_exact(const Pool& pool, const ledger_resource& up, const filled_blocks<Pool>& live) {
  const pool_statistics s = pool.statistics();
  const std::size_t largest = pool.options().largest_required_pool_block;
  std::map<std::size_t, std::size_t> blocks_of_size;
  std::size_t in_use = 0, oversized = 0, oversized_bytes = 0;
  for (const auto& b : live.blocks()) {
    const std::size_t block = block_serving(pool, b.size, b.alignment);
    in_use += block;
    if (pool.good_size(b.size, b.alignment) > largest) {
      ++oversized;
      oversized_bytes += b.size;
    } else {
      ++blocks_of_size[block];
    }
  }
  EXPECT_EQ(s.bytes_in_use, in_use);
  EXPECT_EQ(s.oversized_blocks, oversized);
  EXPECT_EQ(s.oversized_bytes, oversized_bytes);
  EXPECT_EQ(s.bytes_held, up.held());
  EXPECT_EQ(s.upstream_allocations, up.allocations() - up.refusals());
  EXPECT_EQ(s.upstream_deallocations, up.deallocations());
  EXPECT_EQ(s.dropped_blocks, 0u);
  EXPECT_GE(s.peak_bytes_in_use, in_use);

  std::size_t rows_in_use = 0, cached = 0, free = 0, slabs = 0, size_before = 0;
  for (const size_class_statistics& row : s.classes()) {
    EXPECT_GT(row.block_size, size_before);
    size_before = row.block_size;
    EXPECT_EQ(row.blocks_in_use, blocks_of_size[row.block_size]) << "blocks of " << row.block_size;
    rows_in_use += row.blocks_in_use * row.block_size;
    cached += row.blocks_cached * row.block_size;
    free += row.blocks_free * row.block_size;
    slabs += row.slabs;
  }
  EXPECT_EQ(rows_in_use + oversized_bytes, s.bytes_in_use);
  EXPECT_EQ(cached, s.bytes_cached);
  EXPECT_EQ(free, s.bytes_free);
  EXPECT_GE(s.slabs, slabs);
  EXPECT_LE(s.bytes_in_use + s.bytes_cached + s.bytes_free, s.bytes_held);
}

QUARRY_CASE(statistics, of_a_new_pool_are_all_zero) {
  ledger_resource up;
  Pool pool(&up);
  expect_exact(pool, up, filled_blocks<Pool>(pool));
  const pool_statistics s = pool.statistics();
  EXPECT_EQ(s.bytes_held + s.chunks + s.slabs + s.peak_bytes_in_use, 0u);
}

QUARRY_CASE(statistics, are_exact_after_every_step_of_a_script) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  std::minstd_rand random(7);
  for (int step = 0; step < 300 && !::testing::Test::HasFailure(); ++step) {
    for (int i = 0; i < 40; ++i)
      live.add(random() % 100 == 0 ? 100000 + random() % 100000 : random() % 2000,
               std::size_t{1} << random() % 8);
    if (step % 7 == 3) live.free_every(2);
    if (step % 31 == 30) live.free_all();
    if (step % 20 == 9) (void)pool.trim(random() % 100000);
    if (step % 50 == 25) pool.reserve(64, 8, 200);
    if (step % 90 == 89) {
      pool.release();
      live.forget_all();
    }
    expect_exact(pool, up, live);
    pool.check_invariants();
  }
}

QUARRY_CASE(statistics, after_release_hold_nothing) {
  ledger_resource up;
  Pool pool(&up);
  for (std::size_t i = 0; i < 1000; ++i) (void)pool.allocate(i);
  pool.release();
  const pool_statistics s = pool.statistics();
  EXPECT_EQ(s.bytes_held + s.bytes_in_use + s.bytes_cached + s.bytes_free, 0u);
  EXPECT_EQ(s.chunks + s.slabs + s.oversized_blocks + s.oversized_bytes, 0u);
  EXPECT_EQ(s.upstream_allocations, s.upstream_deallocations);
}

// true peak <= it <= true peak + the largest that was cached
QUARRY_CASE(statistics, peak_is_bounded_by_use_and_cache) {
  ledger_resource up;
  Pool pool(&up);
  std::size_t peak = 0, largest_cached = 0;
  for (std::size_t round = 1; round <= 20; ++round) {
    filled_blocks<Pool> live(pool);
    for (std::size_t i = 0; i < 300 * round; ++i) {
      live.add(1 + i % 700);
      if (i % 16 == 0) largest_cached = std::max(largest_cached, pool.statistics().bytes_cached);
    }
    peak = std::max(peak, pool.statistics().bytes_in_use);
    live.free_all();
    largest_cached = std::max(largest_cached, pool.statistics().bytes_cached);
    EXPECT_GE(pool.statistics().peak_bytes_in_use, peak);
  }
  if (bounds_apply) {
    EXPECT_LE(pool.statistics().peak_bytes_in_use, peak + largest_cached);
  }
}

QUARRY_CASE(statistics, and_invariants_call_nobody) {
  ledger_resource up;
  Pool pool(&up);
  for (std::size_t i = 0; i < 3000; ++i) (void)pool.allocate(i);
  const std::size_t calls = up.calls();
  up.refuse_from_now();
  EXPECT_TRUE(noexcept(std::declval<const Pool&>().statistics()));
  (void)pool.statistics();
  EXPECT_NO_THROW(pool.check_invariants());
  EXPECT_EQ(up.calls(), calls);
}

} // namespace
} // namespace quarry::test
