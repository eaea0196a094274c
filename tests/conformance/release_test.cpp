// release() gives everything back, and the pool goes on.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

namespace quarry::test {
namespace {

QUARRY_SUITE(release, every_pool);

// Blocks of many classes and oversized ones, left live.
template <class Pool>
void fill(Pool& pool) {
  filled_blocks<Pool> live(pool);
  for (std::size_t size = 0; size < 6000; size += 37) live.add(size, std::size_t{1} << size % 9);
  live.add(4 * pool.options().largest_required_pool_block);
  live.add(1, 65536);
  live.free_every(3);
}

QUARRY_CASE(release, of_an_unused_pool_leaves_nothing_to_release) {
  ledger_resource up;
  Pool pool(&up);
  pool.release();
  EXPECT_TRUE(up.clean());
  const std::size_t calls = up.calls();
  pool.release();
  EXPECT_EQ(up.calls(), calls);
}

QUARRY_CASE(release, gives_back_what_is_live_and_can_be_repeated) {
  ledger_resource up;
  Pool pool(&up);
  for (int round = 0; round < 5; ++round) {
    (void)pool.allocate(1);
    EXPECT_GT(up.held(), 0u);
    pool.release();
    EXPECT_TRUE(up.clean());
    const std::size_t calls = up.calls();
    pool.release();
    EXPECT_EQ(up.calls(), calls);
  }
}

QUARRY_CASE(release, gives_back_every_kind_of_block_and_all_bookkeeping) {
  for (const std::pmr::pool_options wanted :
       {std::pmr::pool_options{}, {10, 16}, {16, 16}, {0, 2048}, {1, 1}}) {
    ledger_resource up;
    Pool pool(wanted, &up);
    for (int round = 0; round < 3; ++round) {
      fill(pool);
      pool.release();
      EXPECT_TRUE(up.clean()) << wanted.max_blocks_per_chunk << ", " << wanted.largest_required_pool_block;
    }
  }
}

QUARRY_CASE(release, of_megabytes_across_the_border_to_oversized) {
  ledger_resource up;
  Pool pool({0, 2048}, &up);
  for (const std::size_t size : sizes{8, 32, 128, 2048, 8192, 32768})
    for (std::size_t i = 0; i < (1 << 20) / size; ++i) (void)pool.allocate(size, 8);
  EXPECT_GE(up.held(), 6u << 20);
  pool.release();
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(release, happens_in_the_destructor) {
  for (const std::pmr::pool_options wanted : {std::pmr::pool_options{}, {10, 16}, {16, 16}}) {
    ledger_resource up;
    {
      Pool pool(wanted, &up);
      fill(pool);
      EXPECT_GT(up.held(), 0u);
    }
    EXPECT_TRUE(up.clean());
  }
}

QUARRY_CASE(release, each_allocation_goes_back_with_its_size_and_alignment) {
  for (const std::size_t size : sizes{2, 128, 1024})
    for (const std::size_t alignment : sizes{1, 8, 64}) {
      ledger_resource up;
      Pool pool({0, 256}, &up);
      pool.deallocate(pool.allocate(size, alignment), size, alignment);
      pool.release();
      EXPECT_EQ(up.allocations(), up.deallocations());
      EXPECT_TRUE(up.clean()) << size << " at " << alignment;
    }
}

QUARRY_CASE(release, of_a_mix_of_sizes_and_alignments) {
  ledger_resource up;
  Pool pool({0, 256}, &up);
  filled_blocks<Pool> live(pool);
  for (const std::size_t size : sizes{2, 128, 1024})
    for (const std::size_t alignment : sizes{1, 8, 64}) live.add(size, alignment);
  EXPECT_TRUE(live.all_intact());
  live.free_all();
  pool.release();
  EXPECT_EQ(up.allocations(), up.deallocations());
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(release, leaves_a_pool_that_serves_as_before) {
  ledger_resource up;
  Pool pool(&up);
  std::size_t held_in_second_round = 0; // a thread's magazines may come in the first
  for (int round = 0; round < 10; ++round) {
    filled_blocks<Pool> live(pool);
    for (std::size_t i = 0; i < 1000; ++i) live.add(1 + i % 300);
    EXPECT_TRUE(live.all_intact());
    live.free_every(2);
    if (round == 1) held_in_second_round = up.held();
    if (round > 1) { // what lies where, and how much is needed, depends on addresses
      EXPECT_LT(up.held(), held_in_second_round / 2 * 3);
    }
    pool.release();
    EXPECT_EQ(up.held(), 0u);
  }
}

} // namespace
} // namespace quarry::test
