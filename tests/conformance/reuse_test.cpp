// Blocks come from the pool, go back to it, and are used again without upstream.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <list>
#include <numeric>
#include <random>
#include <set>
#include <string>

namespace quarry::test {
namespace {

QUARRY_SUITE(reuse, every_pool);

QUARRY_CASE(reuse, a_second_block_and_both_frees_need_no_upstream) {
  for (const std::size_t size : sizes{1, 8, 24}) {
    ledger_resource up;
    {
      Pool pool(&up);
      filled_blocks<Pool> live(pool);
      live.add(size, 1);
      const std::size_t calls = up.calls();
      EXPECT_GT(up.held(), 0u);
      up.refuse_from_now();
      live.add(size, 1);
      EXPECT_TRUE(live.all_intact());
      EXPECT_NE(live.blocks()[0].address, live.blocks()[1].address);
      live.free_all();
      EXPECT_EQ(up.calls(), calls);
    }
    EXPECT_TRUE(up.clean());
  }
}

QUARRY_CASE(reuse, a_freed_block_serves_the_next_request) {
  ledger_resource up;
  Pool pool({1, 256}, &up);
  void* p = pool.allocate(8);
  EXPECT_TRUE(is_aligned(p, 8));
  const std::size_t calls = up.calls();
  pool.deallocate(p, 8);
  p = pool.allocate(8);
  EXPECT_TRUE(is_aligned(p, 8));
  EXPECT_EQ(up.calls(), calls);
  pool.deallocate(p, 8);
}

// Not in the first hundred pairs either, but for what bookkeeping grows to; then never.
QUARRY_CASE(reuse, pairs_go_on_without_upstream) {
  ledger_resource up;
  Pool pool({1, 256}, &up);
  const auto pairs = [&pool](int n) {
    for (int i = 0; i < n; ++i) pool.deallocate(pool.allocate(8), 8);
  };
  pairs(1);
  const std::size_t calls = up.calls();
  pairs(100);
  EXPECT_LE(up.calls(), calls + 1);
  const std::size_t calls_then = up.calls();
  pairs(10000);
  EXPECT_EQ(up.calls(), calls_then);
}

QUARRY_CASE(reuse, live_blocks_are_distinct_whatever_was_freed_before) {
  Pool pool;
  std::set<void*> live;
  std::minstd_rand random(1);
  for (int i = 0; i < 20000; ++i) {
    if (live.size() > 100 && random() % 2 == 0) {
      const auto victim = std::next(live.begin(), static_cast<long>(random() % 50));
      pool.deallocate(*victim, 40, 8);
      live.erase(victim);
    } else {
      ASSERT_TRUE(live.insert(pool.allocate(40, 8)).second);
    }
  }
  for (void* p : live) pool.deallocate(p, 40, 8);
}

// Fill and empty, again and again: there comes a time of 200 rounds without a call.
QUARRY_CASE(reuse, a_steady_load_comes_to_need_no_upstream) {
  ledger_resource up;
  Pool pool(&up);
  std::size_t calls = 0;
  int quiet_rounds = 0;
  for (int round = 0; round < 1000 && quiet_rounds < 200; ++round) {
    filled_blocks<Pool> live(pool);
    for (std::size_t i = 0; i < 2000; ++i) live.add(1 + i % 200);
    live.free_all();
    quiet_rounds = up.calls() == calls ? quiet_rounds + 1 : 0;
    calls = up.calls();
  }
  EXPECT_EQ(quiet_rounds, 200);
}

QUARRY_CASE(reuse, containers_of_many_sizes_live_in_it_and_die_with_it) {
  for (const std::pmr::pool_options wanted : {std::pmr::pool_options{0, 1}, {0, 64}, {}}) {
    ledger_resource up;
    {
      Pool pool(wanted, &up);
      // Made in the pool's own memory and never destroyed: the pool gives back what they hold.
      std::pmr::polymorphic_allocator<> in_pool(&pool);
      auto& numbers = *in_pool.new_object<std::pmr::list<int>>();
      for (int i = 0; i < 42; ++i) numbers.push_back(i);
      auto& words = *in_pool.new_object<std::pmr::vector<std::pmr::string>>();
      for (std::size_t length = 0; length < 300; length += 50) words.emplace_back(length, 'q');
      auto& reals = *in_pool.new_object<std::pmr::vector<double>>(std::size_t{1024});
      std::iota(reals.begin(), reals.end(), 3.25);

      EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), 0), 41 * 42 / 2);
      for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(words[i], std::pmr::string(50 * i, 'q'));
      EXPECT_EQ(reals[42], 45.25);
    }
    EXPECT_TRUE(up.clean());
  }
}

// 16 bytes to 4 MiB at alignments to match, three quarters freed again, class after class.
QUARRY_CASE(reuse, powers_of_two_at_their_own_alignment) {
  ledger_resource up;
  {
    Pool pool(&up);
    for (std::size_t size = 16; size <= (4 << 20); size *= 2) {
      const std::size_t count = std::min<std::size_t>(1024, (8 << 20) / size);
      std::vector<void*> live;
      for (std::size_t i = 0; i < count; ++i) {
        live.push_back(pool.allocate(size, size));
        ASSERT_TRUE(is_aligned(live.back(), size));
      }
      for (std::size_t i = 0; i < count / 4 * 3; ++i) pool.deallocate(live[i], size, size);
    }
  }
  EXPECT_TRUE(up.clean());
}

// A queue that gains 1024 blocks and loses its 512 oldest, 300 times.
QUARRY_CASE(reuse, many_blocks_of_one_size_freed_oldest_first) {
  ledger_resource up;
  {
    Pool pool(&up);
    std::vector<void*> live;
    std::size_t oldest = 0;
    for (int round = 0; round < 300; ++round) {
      for (int i = 0; i < 1024; ++i) live.push_back(pool.allocate(16, 16));
      for (int i = 0; i < 512; ++i) pool.deallocate(live[oldest++], 16, 16);
    }
    EXPECT_LE(up.held(), 300u * 512 * 16 * (bounds_apply ? 2 : 3));
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(reuse, unpooled_alignments_of_every_small_size) {
  ledger_resource up;
  {
    Pool pool({1, 1}, &up);
    const std::size_t sizes_below = pool.options().largest_required_pool_block;
    for (const std::size_t alignment : sizes{64, 128, 256, 512}) {
      filled_blocks<Pool> live(pool);
      for (std::size_t size = 0; size < sizes_below; ++size) live.add(size, alignment);
      EXPECT_TRUE(live.all_aligned());
      live.free_all();
    }
  }
  EXPECT_TRUE(up.clean());
}

} // namespace
} // namespace quarry::test
