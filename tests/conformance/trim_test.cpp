// trim gives every chunk without a used block upstream, and says how many bytes that was.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <cstdint>

namespace quarry::test {
namespace {

QUARRY_SUITE(trim, our_pools);

template <class Pool>
void fill(filled_blocks<Pool>& live) {
  for (std::size_t i = 0; i < 20000; ++i) live.add(1 + i % 500);
}

QUARRY_CASE(trim, returns_the_bytes_upstream_got_back) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  EXPECT_EQ(pool.trim(), 0u);
  for (const std::size_t step : sizes{3, 2, 1}) {
    fill(live);
    live.free_every(step);
    const std::size_t held = up.held();
    const std::size_t given_back = pool.trim();
    EXPECT_EQ(up.held(), held - given_back);
    EXPECT_TRUE(live.all_intact());
    pool.check_invariants();
  }
}

QUARRY_CASE(trim, of_a_pool_without_live_blocks_leaves_no_chunk) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  fill(live);
  live.free_all();
  EXPECT_GT(pool.trim(), 0u);
  EXPECT_EQ(pool.statistics().chunks, 0u);
  EXPECT_EQ(pool.statistics().bytes_cached, 0u);
  EXPECT_LE(up.held(), up.peak_held() / 16) << "bookkeeping";
  EXPECT_EQ(pool.trim(), 0u) << "again";
}

QUARRY_CASE(trim, leaves_live_blocks_alone) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  fill(live);
  (void)pool.trim();
  EXPECT_TRUE(live.all_intact());
  live.free_every(100);
  (void)pool.trim();
  EXPECT_TRUE(live.all_intact());
  fill(live);
  EXPECT_TRUE(live.all_intact());
  live.free_all();
  pool.check_invariants();
}

QUARRY_CASE(trim, keeps_about_as_many_bytes_as_it_is_told) {
  for (const std::size_t keep : sizes{1, 10000, 300000, 1000000}) {
    ledger_resource up;
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    fill(live);
    live.free_all();
    (void)pool.trim(keep);
    const std::size_t held = up.held();
    const std::size_t kept = pool.trim();
    const std::size_t most = keep + (64 << 10);
    EXPECT_LE(kept, most + most / 32) << "a chunk is kept or given back whole, and what describes it";
    EXPECT_EQ(up.held(), held - kept);
  }
}

QUARRY_CASE(trim, told_to_keep_everything_gives_back_nothing) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  fill(live);
  live.free_all();
  const std::size_t held = up.held();
  EXPECT_EQ(pool.trim(SIZE_MAX), 0u);
  EXPECT_EQ(up.held(), held);
}

QUARRY_CASE(trim, is_noexcept_and_never_allocates) {
  EXPECT_TRUE(noexcept(std::declval<Pool&>().trim()));
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  fill(live);
  live.free_every(2);
  live.free_every(2);
  up.refuse_from_now();
  const std::size_t asked = up.allocations();
  (void)pool.trim(1000);
  (void)pool.trim();
  EXPECT_EQ(up.allocations(), asked);
  EXPECT_TRUE(live.all_intact());
}

QUARRY_CASE(trim, goes_with_oversized_blocks) {
  ledger_resource up;
  Pool pool(&up);
  const std::size_t above = pool.options().largest_required_pool_block + 1;
  filled_blocks<Pool> live(pool);
  for (std::size_t i = 0; i < 200; ++i) live.add(above + i);
  live.free_every(2);
  (void)pool.trim();
  EXPECT_TRUE(live.all_intact());
  live.free_all();
  (void)pool.trim();
  pool.check_invariants();
  EXPECT_EQ(pool.statistics().oversized_blocks, 0u);
}

} // namespace
} // namespace quarry::test
