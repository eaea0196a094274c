// statistics(): exact when nobody is inside, sound in every snapshot, and a peak within its bounds.
#include "../support/poisoned.hpp"
#include "support.hpp"

#include <algorithm>
#include <atomic>

namespace quarry::test {
namespace {

template <class Pool>
class statistics : public ::testing::Test {
protected:
  ledger_resource upstream;
  Pool pool{&upstream};
};
TYPED_TEST_SUITE(statistics, both_pools, pool_names);

std::size_t blocks_in_use(const pool_statistics& s, std::size_t block_size) {
  for (const size_class_statistics& c : s.classes())
    if (c.block_size == block_size) return c.blocks_in_use;
  return 0;
}

TYPED_TEST(statistics, of_a_new_pool_are_zero) {
  const pool_statistics s = this->pool.statistics();
  EXPECT_EQ(s.bytes_held + s.bytes_in_use + s.bytes_cached + s.bytes_free + s.peak_bytes_in_use, 0u);
  EXPECT_EQ(s.chunks + s.slabs + s.upstream_allocations + s.upstream_deallocations, 0u);
  EXPECT_EQ(s.oversized_blocks + s.oversized_bytes + s.dropped_blocks, 0u);
}

TYPED_TEST(statistics, count_blocks_by_class) {
  population<TypeParam> live(this->pool);
  for (int i = 0; i < 300; ++i) live.add(64);
  for (int i = 0; i < 7; ++i) live.add(1024);
  live.add(1'000'000);
  const pool_statistics s = this->pool.statistics();
  EXPECT_EQ(blocks_in_use(s, block_serving(this->pool, 64, 8)), 300u);
  EXPECT_EQ(blocks_in_use(s, block_serving(this->pool, 1024, 8)), 7u);
  EXPECT_EQ(s.oversized_blocks, 1u);
  EXPECT_EQ(s.oversized_bytes, 1'000'000u);
  EXPECT_EQ(s.bytes_held, this->upstream.held());
  EXPECT_EQ(s.upstream_allocations, this->upstream.allocations());
}

TYPED_TEST(statistics, slabs_add_up) {
  population<TypeParam> live(this->pool);
  for (std::size_t i = 0; i < 5000; ++i) live.add(1 + i % 2000);
  const pool_statistics s = this->pool.statistics();
  std::size_t slabs = 0;
  for (const size_class_statistics& c : s.classes()) {
    slabs += c.slabs;
    EXPECT_EQ(c.slabs == 0, c.blocks_in_use + c.blocks_cached + c.blocks_free == 0) << c.block_size;
  }
  EXPECT_EQ(s.slabs, slabs);
  EXPECT_GT(s.chunks, 0u);
}

// true peak <= peak_bytes_in_use <= true peak + most ever cached
TYPED_TEST(statistics, peak_is_within_its_bounds) {
  population<TypeParam> live(this->pool);
  dice d(9);
  std::size_t peak = 0, most_cached = 0;
  const auto look = [&] {
    const pool_statistics s = this->pool.statistics();
    peak = std::max(peak, s.bytes_in_use);
    most_cached = std::max(most_cached, s.bytes_cached);
    ASSERT_LE(peak, s.peak_bytes_in_use);
    ASSERT_LE(s.peak_bytes_in_use, peak + most_cached);
  };
  for (int wave = 0; wave < 3; ++wave) {
    for (int i = 0; i < 1500 * (wave % 2 + 1); ++i) {
      live.add(d.below(20) == 0 ? 90'000 : d.between(1, 600));
      ASSERT_NO_FATAL_FAILURE(look());
    }
    while (live.size() != 0) {
      live.free_random(d);
      ASSERT_NO_FATAL_FAILURE(look());
    }
  }
}

// Numbers that wrapped below zero, or blocks counted twice, would show as more than is held.
TEST(statistics_under_threads, are_sound_in_every_snapshot) {
  ledger_resource upstream;
  sync pool(&upstream);
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> unsound = 0, snapshots = 0;
  std::thread observer([&] {
    while (!stop) {
      const pool_statistics s = pool.statistics();
      for (const size_class_statistics& c : s.classes()) {
        const std::size_t carved = c.blocks_in_use + c.blocks_cached + c.blocks_free;
        unsound += std::max({c.blocks_in_use, c.blocks_cached, c.blocks_free}) > carved;
        unsound += carved > (std::size_t{1} << 20); // far more than is ever live
      }
      ++snapshots;
    }
  });
  churn_and_trim(pool, 100'000 / sanitizer_slowdown);
  stop = true;
  observer.join();
  EXPECT_EQ(unsound, 0u);
  EXPECT_GT(snapshots, 0u);
}

} // namespace
} // namespace quarry::test
