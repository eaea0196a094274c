// Above the largest block a pool steps aside: upstream gives, one to one, and takes back.
#include "../support/ledger_resource.hpp"
#include "../support/poisoned.hpp"
#include "filled_blocks.hpp"
#include "instruction_count.hpp"
#include "subjects.hpp"

namespace quarry::test {
namespace {

QUARRY_SUITE(oversized, every_pool);

constexpr std::pmr::pool_options small_blocks{16, 64};

QUARRY_CASE(oversized, upstream_sees_the_size_and_alignment_asked) {
  ledger_resource up;
  Pool pool(small_blocks, &up);
  const std::size_t above = pool.options().largest_required_pool_block + 1;
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2)
    for (const std::size_t more : sizes{0, 1, 100, 100000}) {
      void* const p = pool.allocate(above + more, alignment);
      const auto blocks = up.blocks();
      EXPECT_NE(std::find(blocks.begin(), blocks.end(), ledger_resource::block{p, above + more, alignment}),
                blocks.end())
          << above + more << " at " << alignment;
      pool.deallocate(p, above + more, alignment);
    }
}

// Also the very first ones: a table that remembers them must not cost calls of its own.
QUARRY_CASE(oversized, the_first_eight_are_exactly_one_call_each_way) {
  ledger_resource up;
  Pool pool(small_blocks, &up);
  const std::size_t size = 10 * pool.options().largest_required_pool_block;
  std::vector<void*> live;
  for (std::size_t i = 1; i <= 8; ++i) {
    live.push_back(pool.allocate(size));
    EXPECT_EQ(up.allocations(), i);
  }
  EXPECT_EQ(up.deallocations(), 0u);
  for (std::size_t i = 0; i < 8; ++i) {
    pool.deallocate(live[i], size);
    EXPECT_EQ(up.deallocations(), i + 1);
  }
  EXPECT_EQ(up.allocations(), 8u);
}

// Of many, growth of that table shows in one call of 64 at most.
QUARRY_CASE(oversized, many_are_one_call_each_but_for_one_in_64) {
  constexpr std::size_t count = 6400;
  ledger_resource up;
  Pool pool(small_blocks, &up);
  const std::size_t size = pool.options().largest_required_pool_block + 1;
  std::vector<void*> live;
  std::size_t extra_calls = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t before = up.allocations();
    live.push_back(pool.allocate(size));
    extra_calls += up.allocations() - before - 1;
  }
  EXPECT_LE(extra_calls, count / 64);
  const std::size_t calls_before = up.calls();
  for (void* p : live) pool.deallocate(p, size);
  EXPECT_EQ(up.calls() - calls_before, count);
}

QUARRY_CASE(oversized, a_table_that_grew_once_serves_the_same_number_again_without_a_call) {
  constexpr std::size_t count = 300;
  ledger_resource up;
  Pool pool(small_blocks, &up);
  const std::size_t size = pool.options().largest_required_pool_block + 1;
  for (int round = 0; round < 3; ++round) {
    const std::size_t before = up.calls();
    std::vector<void*> live;
    for (std::size_t i = 0; i < count; ++i) live.push_back(pool.allocate(size));
    for (void* p : live) pool.deallocate(p, size);
    if (round > 0) {
      EXPECT_EQ(up.calls() - before, 2 * count);
    }
  }
}

QUARRY_CASE(oversized, a_block_goes_upstream_when_freed_in_any_order) {
  ledger_resource up;
  Pool pool({10, 16}, &up);
  const std::size_t largest = pool.options().largest_required_pool_block;
  filled_blocks<Pool> live(pool);
  live.add(2 * largest);
  const std::size_t with_one = up.block_count();
  live.add(3 * largest);
  EXPECT_EQ(up.block_count(), with_one + 1);
  EXPECT_TRUE(live.all_intact());
  live.free_every(2); // the first
  EXPECT_EQ(up.block_count(), with_one);
  live.free_all();
  EXPECT_EQ(up.block_count(), with_one - 1);
  EXPECT_TRUE(up.mismatches().empty());
}

QUARRY_CASE(oversized, release_gives_back_those_still_live) {
  ledger_resource up;
  Pool pool(small_blocks, &up);
  const std::size_t size = pool.options().largest_required_pool_block + 1;
  for (std::size_t i = 0; i < 500; ++i) (void)pool.allocate(size + i, std::size_t{1} << i % 12);
  pool.release();
  EXPECT_TRUE(up.clean());
}

// The order of frees must not matter to the work: each block is found at once, not searched for.
QUARRY_CASE(oversized, blocks_are_freed_with_upstream_s_pairing_in_random_order) {
  ledger_resource up;
  {
    Pool pool(small_blocks, &up);
    filled_blocks<Pool> live(pool);
    for (std::size_t i = 0; i < 2000; ++i) live.add(1000 + i % 50, std::size_t{1} << i % 8);
    EXPECT_TRUE(live.all_intact());
    for (const std::size_t step : sizes{7, 3, 5, 2, 1}) live.free_every(step);
  }
  EXPECT_TRUE(up.clean());
}

// Instructions to free eight of `count`.
template <class Pool>
std::optional<std::size_t> work_of_frees(std::size_t count) {
  return count_instructions([count](instruction_marks marks) {
    Pool pool(small_blocks, std::pmr::new_delete_resource());
    std::vector<void*> live;
    for (std::size_t i = 0; i < count; ++i) live.push_back(pool.allocate(1000));
    marks.begin();
    for (std::size_t i = 0; i < 8; ++i) pool.deallocate(live[count / 8 * i], 1000);
    marks.end();
  });
}

template <class Pool>
void expect_the_same_work() {
  const auto with_few = work_of_frees<Pool>(40);
  const auto with_many = work_of_frees<Pool>(4000);
  if (!with_few || !with_many) GTEST_SKIP() << "nobody may trace here";
  EXPECT_LE(*with_many, 2 * *with_few + 2000) << "with 40 blocks " << *with_few;
}

// Of ours alone.
TEST(oversized, a_free_is_the_same_work_with_4000_blocks) {
  if (!instructions_count || memory_is_poisoned()) GTEST_SKIP();
  expect_the_same_work<unsynchronized_pool_resource>();
  expect_the_same_work<synchronized_pool_resource>();
}

} // namespace
} // namespace quarry::test
