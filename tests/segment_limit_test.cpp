// What a segment pool holds: never more than its limit, and little when little is used.
#include <quarry/segment_pool.hpp>

#include <algorithm>
#include <atomic>
#include <memory_resource>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/ledger_resource.hpp"
#include "support/poisoned.hpp"
#include "support/sanitizers.hpp"

namespace {

using quarry::segment;
using quarry::segment_pool;
using quarry::segment_pool_options;
using quarry::test::ledger_resource;

std::vector<segment> fill(segment_pool& pool, std::size_t size) {
  std::vector<segment> all;
  while (segment s = pool.try_allocate_segment(size)) all.push_back(std::move(s));
  return all;
}

// ---- the limit

TEST(segment_limit, one_of_the_largest_can_always_be_had_on_an_empty_pool) {
  for (const std::size_t largest : {2048u, 4096u, 10000u, 65536u, 262144u})
    for (const std::size_t limit : {4 * largest, 5 * largest, 17 * largest}) {
      ledger_resource up;
      segment_pool pool({.slab_size = 1 << 20, .largest_segment = largest, .byte_limit = limit}, &up);
      for (const std::size_t before :
           {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{1000}, largest / 3, largest}) {
        if (before != 0) fill(pool, before);
        const segment s = pool.allocate_segment(largest);
        ASSERT_TRUE(s) << largest << " after " << before;
        EXPECT_LE(up.peak_held(), limit);
        pool.check_invariants();
      }
    }
}

// What describes small blocks is not given back for large ones.
TEST(segment_limit, one_of_the_largest_can_be_had_whatever_was_there_before) {
  for (const std::size_t largest : {2048u, 3072u, 4096u, 9216u})
    for (const std::size_t limit : {4 * largest, 5 * largest, 7 * largest}) {
      segment_pool pool({.largest_segment = largest, .byte_limit = limit});
      for (std::size_t before = 64; before <= largest; before += before / 8) {
        fill(pool, before);
        ASSERT_TRUE(pool.try_allocate_segment(largest)) << largest << " of " << limit << " after " << before;
      }
      pool.check_invariants();
    }
}

// What describes a slab of many small blocks does for one of few large ones, and the other way round.
TEST(segment_limit, leaves_the_room_of_an_empty_slab_to_any_class) {
  if (quarry::test::under_tsan) GTEST_SKIP() << "takes long, and has one thread";
  constexpr std::size_t sizes[] = {64, 100, 256, 512, 1000, 2048, 4096, 5000, 16384};
  constexpr std::size_t limits[] = {std::size_t{256} << 10, std::size_t{1} << 20, 3'000'000};
  int emptied = 0;
  for (const std::size_t limit : std::span(limits).first(quarry::test::under_asan ? 1 : 3))
    for (const std::size_t small : sizes)
      for (const std::size_t other : sizes) {
        segment_pool pool({.byte_limit = limit});
        std::vector<segment> all = fill(pool, small);
        std::sort(all.begin(), all.end(),
                  [](const segment& a, const segment& b) { return a.data() < b.data(); });
        const std::size_t freed = std::max<std::size_t>(16384 / small, 2);
        for (std::size_t i = 0; i + freed < all.size() && i < 40 * freed; i += freed) {
          const auto before = pool.statistics();
          for (std::size_t j = i; j != i + freed; ++j) all[j] = {};
          pool.trim();
          const auto now = pool.statistics();
          if (now.slabs == before.slabs || now.chunks != before.chunks ||
              other > std::max<std::size_t>(small, 1024))
            continue;
          ++emptied;
          ASSERT_TRUE(pool.try_allocate_segment(other)) << small << " freed, " << limit << " for " << other;
          pool.check_invariants();
          EXPECT_LE(pool.statistics().bytes_held, limit);
          pool.trim();
          for (std::size_t j = i; j != i + freed; ++j)
            ASSERT_TRUE(all[j] = pool.try_allocate_segment(small))
                << small << " again, after one of " << other;
        }
      }
  EXPECT_GE(emptied, 100);
}

// Over and over in one pool, so that what described the slab of the room may lie elsewhere in a larger one.
TEST(segment_limit, leaves_it_to_them_again_and_again) {
  constexpr std::size_t limit = 1 << 20, small = 64, other = 512, freed = 256;
  segment_pool pool({.byte_limit = limit});
  std::vector<segment> all = fill(pool, small);
  std::sort(all.begin(), all.end(), [](const segment& a, const segment& b) { return a.data() < b.data(); });
  int emptied = 0;
  for (std::size_t i = 0; i + freed < all.size(); i += freed) {
    const std::size_t slabs = pool.statistics().slabs;
    for (std::size_t j = i; j != i + freed; ++j) all[j] = {};
    pool.trim();
    const auto now = pool.statistics();
    if (now.slabs < slabs && now.bytes_cached == 0) {
      ++emptied;
      EXPECT_TRUE(pool.try_allocate_segment(other)) << "after " << emptied;
    }
    for (std::size_t j = i; j != i + freed; ++j) all[j] = pool.try_allocate_segment(small);
    pool.check_invariants();
  }
  EXPECT_GE(emptied, 10);
}

// What it throws is its own.
TEST(segment_limit, of_an_upstream_is_met_like_a_lack_of_memory) {
  class with_quota final : public std::pmr::memory_resource {
  public:
    struct used_up {};

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      if (bytes > left_) throw used_up();
      left_ -= bytes;
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
      left_ += bytes;
      std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
    }
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
      return this == &other;
    }
    std::size_t left_ = 4 << 20;
  };
  with_quota up;
  segment_pool pool({}, &up);
  EXPECT_GE(fill(pool, 4096).size(), 960u) << "regions shrink to fit";
  EXPECT_TRUE(pool.try_allocate_segment(2'000'000));
  EXPECT_FALSE(pool.try_allocate_segment(5'000'000));
  EXPECT_THROW((void)pool.allocate_segment(5'000'000), with_quota::used_up);
  pool.check_invariants();
}

TEST(segment_limit, is_used_well) {
  ledger_resource up;
  segment_pool pool({.byte_limit = 10 << 20}, &up);
  const auto all = fill(pool, 4096);
  EXPECT_GE(all.size() * 4096, (10u << 20) * 9 / 10);
  EXPECT_LE(up.peak_held(), 10u << 20);
  EXPECT_THROW((void)pool.allocate_segment(4096), std::bad_alloc);
  EXPECT_THROW((void)pool.allocate_bytes(4096), std::bad_alloc);
  pool.check_invariants();
}

TEST(segment_limit, a_freed_block_is_there_at_once_for_its_class) {
  segment_pool pool({.byte_limit = 4 << 20});
  auto all = fill(pool, 4096);
  std::mt19937 random(1);
  for (int i = 0; i != 2000; ++i) {
    all[random() % all.size()].swap(all.back());
    all.pop_back();
    segment s = pool.try_allocate_segment(4096);
    ASSERT_TRUE(s) << i;
    all.push_back(std::move(s));
  }
  pool.check_invariants();
}

TEST(segment_limit, an_empty_region_is_there_at_once_for_any_class) {
  segment_pool pool({.byte_limit = 8 << 20});
  for (const std::size_t size : {4096u, 65536u, 30000u, 500000u, 1000u, 500000u, 5000u}) {
    auto all = fill(pool, size);
    ASSERT_FALSE(all.empty());
    EXPECT_GE(all.size() * size, (8u << 20) * 7 / 10) << size;
    all.clear();
    pool.check_invariants();
  }
}

TEST(segment_limit, what_lies_in_caches_of_other_threads_is_there_at_once) {
  segment_pool pool({.byte_limit = 4 << 20});
  std::atomic<int> step = 0;
  std::vector<segment> all;
  std::thread sleeper([&] {
    for (int round = 0; round != 3; ++round) { // so that it has a cache
      auto mine = fill(pool, 4096);
    }
    all = fill(pool, 4096);
    const std::size_t kept = all.size() - 10;
    all.resize(kept);
    step = 1;
    while (step != 2) std::this_thread::yield();
  });
  while (step != 1) std::this_thread::yield();
  for (int i = 0; i != 10; ++i) {
    segment s = pool.try_allocate_segment(4096);
    EXPECT_TRUE(s) << i;
    all.push_back(std::move(s));
  }
  EXPECT_FALSE(pool.try_allocate_segment(4096));
  step = 2;
  sleeper.join();
  all.clear();
  pool.check_invariants();
}

// A thread that exits hands on what is in its cache.
TEST(segment_limit, what_others_handed_on_is_there_at_once_for_any_class) {
  for (int round = 0; round != 3; ++round) {
    segment_pool pool({.byte_limit = 8 << 20});
    std::thread([&] { fill(pool, 4096).clear(); }).join();
    auto all = fill(pool, 30000);
    EXPECT_GE(all.size() * 30000, (8u << 20) * 7 / 10);
    std::thread([&] { all.clear(); }).join();
    all = fill(pool, 4096);
    EXPECT_GE(all.size() * 4096, (8u << 20) * 8 / 10);
    pool.check_invariants();
  }
}

TEST(segment_limit, is_never_exceeded_by_any_mix_of_threads) {
  constexpr std::size_t limit = 3 << 20;
  ledger_resource up;
  {
    segment_pool pool({.byte_limit = limit, .retain_bytes = 1 << 20}, &up);
    std::vector<std::thread> threads;
    std::atomic<std::size_t> served = 0;
    for (unsigned seed = 0; seed != 4; ++seed)
      threads.emplace_back([&, seed] {
        std::mt19937 random(seed);
        std::vector<segment> mine;
        for (int i = 0; i != 4000; ++i) {
          const std::size_t size = std::size_t{1} << random() % 18;
          if (random() % 2 == 0 && !mine.empty()) {
            mine[random() % mine.size()].swap(mine.back());
            mine.pop_back();
          } else if (segment s = pool.try_allocate_segment(size)) {
            mine.push_back(std::move(s));
            ++served;
          } else {
            mine.clear();
          }
          if (random() % 500 == 0) pool.trim();
        }
      });
    for (auto& t : threads) t.join();
    EXPECT_GT(served.load(), 1000u);
    EXPECT_LE(up.peak_held(), limit);
    EXPECT_EQ(up.overlaps(), 0u);
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    pool.check_invariants();
  }
  EXPECT_TRUE(up.clean());
}

TEST(segment_limit, an_upstream_that_is_out_is_as_good_as_one) {
  ledger_resource up;
  segment_pool pool({}, &up);
  std::vector<segment> all;
  for (int i = 0; i != 1000; ++i) all.push_back(pool.allocate_segment(4096));
  up.refuse_from_now();
  auto rest = fill(pool, 4096);
  EXPECT_FALSE(pool.try_allocate_segment(4096));
  all.clear();
  for (int i = 0; i != 1000; ++i) ASSERT_TRUE(pool.allocate_segment(4096)) << "freed blocks need no upstream";
  pool.check_invariants();
}

// ---- failing upstream

TEST(segment_failures, leave_everything_as_it_was) {
  for (const std::size_t size : {100u, 4096u, 65536u, 300000u})
    for (std::size_t k = 0; k != 12; ++k) {
      ledger_resource up;
      {
        segment_pool pool({}, &up);
        up.refuse_at(k, 1000);
        std::vector<segment> got;
        bool refused = false;
        for (int i = 0; i != 40 && !refused; ++i) {
          try {
            got.push_back(pool.allocate_segment(size));
          } catch (const std::bad_alloc&) {
            refused = true;
          }
          pool.check_invariants();
        }
        up.refuse_nothing();
        EXPECT_TRUE(pool.allocate_segment(size));
        pool.check_invariants();
      }
      EXPECT_TRUE(up.clean()) << size << " at " << k;
    }
}

// ---- shrinking

TEST(segment_shrink, survivors_that_lie_together_leave_little_held) {
  if (quarry::test::memory_is_poisoned()) GTEST_SKIP() << "freed blocks are kept back";
  ledger_resource up;
  segment_pool pool({}, &up);
  std::vector<segment> all;
  for (int i = 0; i != 10000; ++i) all.push_back(pool.allocate_segment(4096));
  std::sort(all.begin(), all.end(), [](const segment& a, const segment& b) { return a.data() < b.data(); });
  std::vector<segment> survivors;
  for (int i = 0; i != 100; ++i) survivors.push_back(std::move(all[5000 + static_cast<std::size_t>(i)]));
  std::shuffle(all.begin(), all.end(), std::mt19937(1));
  all.clear();
  const std::size_t live = 100 * 4096;
  EXPECT_LE(up.held(), 2 * live + (1 << 20) + pool.options().retain_bytes);
  pool.trim();
  EXPECT_LE(up.held(), 2 * live + (2 << 20));
  pool.check_invariants();
}

// The best that a pool can do that moves nothing: all survivors in as few regions as hold them, here one.
// What is found is one to three: the first slabs of a class are small, and lie where they lie.
TEST(segment_shrink, survivors_at_random_come_together_by_replacements) {
  for (const std::size_t retained : {std::size_t{0}, segment_pool_options{}.retain_bytes}) {
    ledger_resource up;
    segment_pool pool({.retain_bytes = retained}, &up);
    std::vector<segment> all;
    for (int i = 0; i != 10000; ++i) all.push_back(pool.allocate_segment(4096));
    std::mt19937 random(1);
    std::shuffle(all.begin(), all.end(), random);
    all.resize(100);
    const std::size_t live = 100 * 4096, slab = 1 << 20;
    EXPECT_GT(up.held(), 20 * live) << "they are scattered";
    for (int i = 0; i != 1000; ++i) {
      segment& s = all[random() % all.size()];
      s = {};
      s = pool.allocate_segment(4096);
    }
    EXPECT_LE(up.held(), 2 * live + slab + std::max(retained, 2 * slab));
    pool.check_invariants();
  }
}

// Of 4 KiB a flush empties many at once.
TEST(segment_shrink, to_what_is_retained_where_regions_are_small) {
  for (const std::size_t slab_size : {4096u, 16384u, 65536u}) {
    ledger_resource up;
    segment_pool pool({.slab_size = slab_size, .largest_segment = 4096, .retain_bytes = 0}, &up);
    std::vector<segment> all;
    for (int i = 0; i < 3000; ++i) all.push_back(pool.allocate_segment(4096));
    all.clear();
    std::size_t regions = 0;
    pool.for_each_region([&](const quarry::region& r) { regions += r.memory.size(); });
    EXPECT_LE(regions, pool.statistics().bytes_cached + 2 * slab_size) << slab_size;
  }
}

} // namespace
