// options() says what the pool does.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <cstdint>

namespace quarry::test {
namespace {

QUARRY_SUITE(options, every_pool);

bool same(const std::pmr::pool_options& a, const std::pmr::pool_options& b) {
  return a.max_blocks_per_chunk == b.max_blocks_per_chunk &&
         a.largest_required_pool_block == b.largest_required_pool_block;
}

// Does a request go upstream by itself? Then its memory goes back as soon as it is freed, also the second
// time.
template <class Pool>
bool is_oversized(std::pmr::pool_options wanted, std::size_t bytes, std::size_t alignment) {
  ledger_resource up;
  Pool pool(wanted, &up);
  pool.deallocate(pool.allocate(bytes, alignment), bytes, alignment);
  const std::size_t deallocations = up.deallocations();
  pool.deallocate(pool.allocate(bytes, alignment), bytes, alignment);
  return up.deallocations() == deallocations + 1;
}

QUARRY_CASE(options, defaults_are_not_zero) {
  const auto options = Pool().options();
  EXPECT_NE(options.max_blocks_per_chunk, 0u);
  EXPECT_NE(options.largest_required_pool_block, 0u);
}

QUARRY_CASE(options, default_cap_is_at_least_32_kib) {
  EXPECT_GE(Pool().options().largest_required_pool_block, 32u << 10);
}

QUARRY_CASE(options, zero_means_the_default) {
  const auto defaults = Pool().options();
  EXPECT_TRUE(same(Pool(std::pmr::pool_options{}).options(), defaults));
  EXPECT_TRUE(same(Pool(std::pmr::pool_options{0, 0}).options(), defaults));
  EXPECT_EQ(Pool(std::pmr::pool_options{16, 0}).options().largest_required_pool_block,
            defaults.largest_required_pool_block);
  EXPECT_EQ(Pool(std::pmr::pool_options{0, 64}).options().max_blocks_per_chunk,
            defaults.max_blocks_per_chunk);
}

QUARRY_CASE(options, given_back_to_a_new_pool_stay_the_same) {
  for (const std::size_t blocks : sizes{0, 1, 7, 100, 5000})
    for (const std::size_t largest : sizes{0, 1, 17, 71, 1000, 5000, 40000}) {
      const auto options = Pool(std::pmr::pool_options{blocks, largest}).options();
      EXPECT_TRUE(same(Pool(options).options(), options)) << blocks << ", " << largest;
    }
}

// [mem.res.pool.options]: an implementation may choose fewer blocks, not more.
QUARRY_CASE(options, max_blocks_per_chunk_is_never_more_than_asked) {
  for (const std::size_t blocks : sizes{1, 2, 3, 5, 10, 33, 100, 1000})
    EXPECT_LE(Pool(std::pmr::pool_options{blocks, 0}).options().max_blocks_per_chunk, blocks) << blocks;
}

QUARRY_CASE(options, largest_block_is_never_less_than_asked) {
  for (const std::size_t largest : sizes{1, 2, 8, 9, 16, 17, 71, 1000, 4096, 5000, 32768})
    EXPECT_GE(Pool(std::pmr::pool_options{0, largest}).options().largest_required_pool_block, largest)
        << largest;
}

QUARRY_CASE(options, wanted_sizes_are_met_within_a_factor_of_two) {
  const auto options = Pool(std::pmr::pool_options{std::size_t{1} << 12, std::size_t{1} << 18}).options();
  EXPECT_GT(options.max_blocks_per_chunk, std::size_t{1} << 11);
  EXPECT_LT(options.max_blocks_per_chunk, std::size_t{1} << 13);
  EXPECT_GT(options.largest_required_pool_block, std::size_t{1} << 17);
  EXPECT_LT(options.largest_required_pool_block, std::size_t{1} << 19);
}

QUARRY_CASE(options, absurd_wishes_become_limits_that_work) {
  ledger_resource up;
  {
    Pool pool({SIZE_MAX, SIZE_MAX}, &up);
    EXPECT_NE(pool.options().max_blocks_per_chunk, 0u);
    EXPECT_LT(pool.options().largest_required_pool_block, SIZE_MAX / 2);
    void* const p = pool.allocate(100);
    EXPECT_LT(up.held(), 64u << 20);
    pool.deallocate(p, 100);
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(options, the_largest_block_is_the_border_between_pooled_and_oversized) {
  for (const std::size_t largest : sizes{0, 1, 16, 17, 64, 71, 1000, 4096}) {
    const std::pmr::pool_options wanted{0, largest};
    const std::size_t border = Pool(wanted).options().largest_required_pool_block;
    EXPECT_FALSE(is_oversized<Pool>(wanted, border, 1)) << largest;
    EXPECT_TRUE(is_oversized<Pool>(wanted, border + 1, 1)) << largest;
  }
}

// What counts is the bytes rounded up to the alignment.
QUARRY_CASE(options, an_alignment_above_the_largest_block_is_oversized) {
  const std::pmr::pool_options wanted{0, 64};
  const std::size_t border = Pool(wanted).options().largest_required_pool_block;
  std::size_t alignment = 64;
  while (alignment <= border) alignment *= 2;
  EXPECT_TRUE(is_oversized<Pool>(wanted, 1, alignment));
}

QUARRY_CASE(options, do_not_change_while_the_pool_is_used) {
  ledger_resource up;
  Pool pool({100, 5000}, &up);
  const auto before = pool.options();
  for (int i = 0; i < 1000; ++i) (void)pool.allocate(24);
  EXPECT_TRUE(same(pool.options(), before));
  pool.release();
  EXPECT_TRUE(same(pool.options(), before));
}

} // namespace
} // namespace quarry::test
