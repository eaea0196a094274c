// good_size and allocate_at_least tell the real capacity, and any size up to it frees the block.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace quarry::test {
namespace {

QUARRY_SUITE(capacity, our_pools);

// Calls f(bytes, alignment) for every pooled size to 5000 and some beyond, at every alignment to 64 KiB.
template <class F>
void for_pairs(F f) {
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
    for (std::size_t bytes = 0; bytes <= 5000; ++bytes) f(bytes, alignment);
    for (std::size_t bytes = 5001; bytes < 500000; bytes += bytes / 7) f(bytes, alignment);
  }
}

QUARRY_CASE(capacity, good_size_is_never_less_than_asked_and_stays_the_same) {
  const Pool pool;
  for_pairs([&](std::size_t bytes, std::size_t alignment) {
    const std::size_t good = pool.good_size(bytes, alignment);
    ASSERT_GE(good, bytes) << bytes << " at " << alignment;
    ASSERT_EQ(pool.good_size(good, alignment), good) << bytes << " at " << alignment;
  });
}

QUARRY_CASE(capacity, good_size_of_an_oversized_request_is_what_was_asked) {
  const Pool pool;
  const std::size_t above = pool.options().largest_required_pool_block + 1;
  for (const std::size_t bytes : sizes{above, 3 * above, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX})
    EXPECT_EQ(pool.good_size(bytes, 1), bytes);
}

QUARRY_CASE(capacity, good_size_calls_nobody) {
  ledger_resource up;
  const Pool pool(&up);
  for_pairs([&](std::size_t bytes, std::size_t alignment) { (void)pool.good_size(bytes, alignment); });
  EXPECT_EQ(up.calls(), 0u);
}

QUARRY_CASE(capacity, allocate_at_least_gives_what_good_size_says_aligned_and_writable) {
  ledger_resource up;
  {
    Pool pool(&up);
    for_pairs([&](std::size_t bytes, std::size_t alignment) {
      const auto got = pool.allocate_at_least(bytes, alignment);
      ASSERT_EQ(got.size, pool.good_size(bytes, alignment)) << bytes << " at " << alignment;
      ASSERT_TRUE(is_aligned(got.ptr, alignment)) << bytes << " at " << alignment;
      std::memset(got.ptr, 0x5a, got.size);
      pool.deallocate(got.ptr, got.size, alignment);
    });
    pool.check_invariants();
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(capacity, whole_of_each_block_is_its_own) {
  ledger_resource up;
  Pool pool(&up);
  filled_blocks<Pool> live(pool);
  for (std::size_t bytes = 1; bytes < 3000; bytes += 29) {
    const std::size_t good = pool.good_size(bytes);
    live.add(good);
    live.add(good);
  }
  EXPECT_TRUE(live.all_intact());
  live.free_all();
}

QUARRY_CASE(capacity, any_size_from_asked_to_given_frees_the_block) {
  ledger_resource up;
  {
    Pool pool(&up);
    for (std::size_t alignment = 1; alignment <= 256; alignment *= 2)
      for (std::size_t bytes = 0; bytes <= 1200; bytes += 7) {
        const std::size_t given = pool.good_size(bytes, alignment);
        for (const std::size_t named : sizes{bytes, (bytes + given) / 2, given})
          pool.deallocate(pool.allocate(bytes, alignment), named, alignment);
        const auto got = pool.allocate_at_least(bytes, alignment);
        pool.deallocate(got.ptr, std::min(bytes + 1, got.size), alignment);
      }
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    EXPECT_EQ(pool.statistics().dropped_blocks, 0u);
    pool.check_invariants();
  }
  EXPECT_TRUE(up.clean());
}

// The calls on the concrete type and those through memory_resource are the same calls.
QUARRY_CASE(capacity, calls_through_the_base_class_mix_with_direct_ones) {
  ledger_resource up;
  {
    Pool pool(&up);
    std::pmr::memory_resource& base = pool;
    for (std::size_t bytes = 0; bytes < 100000; bytes += 1 + bytes / 5) {
      base.deallocate(pool.allocate(bytes, 8), bytes, 8);
      pool.deallocate(base.allocate(bytes, 8), bytes, 8);
    }
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    pool.check_invariants();
  }
  EXPECT_TRUE(up.clean());
}

} // namespace
} // namespace quarry::test
