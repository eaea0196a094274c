// Every (size, alignment) pair gets a block of that size at that alignment: all sizes to 4096 and the edges
// beyond, at all alignments to 64 KiB.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <functional>

namespace quarry::test {
namespace {

QUARRY_SUITE(alignment, every_pool);

constexpr std::size_t largest_alignment = 64 << 10;

// Every size to 4096, then each side of every power of two and of every quarter between, to 1 MiB.
sizes interesting_sizes() {
  sizes all;
  for (std::size_t size = 0; size <= 4096; ++size) all.push_back(size);
  for (std::size_t power = 4096; power < (1 << 20); power *= 2)
    for (std::size_t quarter = 5; quarter <= 8; ++quarter)
      for (std::size_t side = 0; side <= 2; ++side) all.push_back(power / 4 * quarter - 1 + side);
  return all;
}

// Calls check(blocks) with up to 256 blocks of one alignment live, for all pairs, and frees them.
template <class Pool>
void for_all_pairs(Pool& pool, const std::function<void(filled_blocks<Pool>&)>& check) {
  for (std::size_t alignment = 1; alignment <= largest_alignment; alignment *= 2) {
    filled_blocks<Pool> live(pool);
    for (const std::size_t size : interesting_sizes()) {
      live.add(size, alignment);
      if (live.size() < 256) continue;
      check(live);
      if (::testing::Test::HasFailure()) return;
      live.free_all();
    }
    check(live);
    live.free_all();
  }
}

QUARRY_CASE(alignment, every_block_is_at_its_alignment) {
  Pool pool;
  for_all_pairs<Pool>(pool, [](auto& live) {
    for (const auto& b : live.blocks())
      ASSERT_TRUE(is_aligned(b.address, b.alignment)) << b.size << " at " << b.alignment;
  });
}

QUARRY_CASE(alignment, every_block_is_writable_to_its_last_byte_and_no_other_s) {
  Pool pool;
  for_all_pairs<Pool>(pool, [](auto& live) {
    for (const auto& b : live.blocks()) ASSERT_TRUE(live.intact(b)) << b.size << " at " << b.alignment;
  });
}

QUARRY_CASE(alignment, every_pair_is_freed_and_upstream_gets_back_what_it_gave) {
  ledger_resource up;
  {
    Pool pool(&up);
    for_all_pairs<Pool>(pool, [](auto&) {});
    const std::size_t oversized = 4 * pool.options().largest_required_pool_block;
    pool.deallocate(pool.allocate(oversized, 32), oversized, 32);
  }
  EXPECT_TRUE(up.mismatches().empty()) << up.mismatches().front();
  EXPECT_EQ(up.held(), 0u);
}

QUARRY_CASE(alignment, holds_with_small_caps_and_chunks_too) {
  for (const std::pmr::pool_options wanted : {std::pmr::pool_options{1, 1}, {1, 100}, {16, 256}, {7, 5000}}) {
    ledger_resource up;
    {
      Pool pool(wanted, &up);
      filled_blocks<Pool> live(pool);
      for (std::size_t alignment = 1; alignment <= 1024; alignment *= 2)
        for (std::size_t size = 0; size < 600; size += 13) live.add(size, alignment);
      EXPECT_TRUE(live.all_aligned())
          << wanted.max_blocks_per_chunk << ", " << wanted.largest_required_pool_block;
      EXPECT_TRUE(live.all_intact()) << wanted.max_blocks_per_chunk << ", "
                                     << wanted.largest_required_pool_block;
      live.free_all();
    }
    EXPECT_TRUE(up.clean());
  }
}

// A class for max(size, alignment) bytes holds 17 bytes at 16 in 24: the second block is at 8 then.
QUARRY_CASE(alignment, a_request_of_17_at_16) {
  Pool pool;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(is_aligned(pool.allocate(17, 16), 16)) << "block " << i;
}

QUARRY_CASE(alignment, sizes_that_are_no_multiple_of_it_fresh_and_reused) {
  Pool pool;
  for (const bool reuse : {true, false}) {
    for (const std::size_t alignment : sizes{8, 16, 32, 64})
      for (const std::size_t size : sizes{9, 12, 24, 40, 48, 56, 72}) {
        void* const first = pool.allocate(size, alignment);
        void* const second = pool.allocate(size, alignment);
        ASSERT_TRUE(is_aligned(first, alignment)) << size << " at " << alignment;
        ASSERT_TRUE(is_aligned(second, alignment)) << size << " at " << alignment;
        if (!reuse) continue;
        pool.deallocate(first, size, alignment);
        pool.deallocate(second, size, alignment);
      }
    pool.release();
  }
}

QUARRY_CASE(alignment, small_blocks_at_large_alignments_and_oversized_ones) {
  ledger_resource up;
  {
    Pool pool({256, 256}, &up);
    filled_blocks<Pool> live(pool);
    for (const std::size_t alignment : sizes{64, 128, 256}) live.add(2, alignment);
    live.add(2 * pool.options().largest_required_pool_block, 1024);
    EXPECT_TRUE(live.all_aligned());
    EXPECT_TRUE(live.all_intact());
    live.free_all();
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(alignment, above_a_page_up_to_a_gibibyte) {
  ledger_resource up;
  {
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    for (std::size_t alignment = 4096; alignment <= (std::size_t{1} << 30); alignment *= 2)
      live.add(10, alignment);
    EXPECT_TRUE(live.all_aligned());
    EXPECT_TRUE(live.all_intact());
    live.free_all();
  }
  EXPECT_TRUE(up.clean());
}

} // namespace
} // namespace quarry::test
