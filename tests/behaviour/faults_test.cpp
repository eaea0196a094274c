// Upstream fails at call 0, 1, 2, … of every operation: the failure reaches the caller as upstream threw it,
// nothing is lost, and the pool goes on working when upstream does.
#include "support.hpp"

#include <map>
#include <memory_resource>
#include <string>
#include <unordered_map>

namespace quarry::test {
namespace {

template <class Pool>
class faults : public ::testing::Test {
protected:
  using operation = std::function<void(Pool&, population<Pool>&)>;

  // Runs `what` on a new pool with upstream refusing call k, for k = 0, 1, 2, … until it meets no refusal.
  void fail_at_every_call(const operation& what, std::size_t at_least = 1) {
    std::size_t k = 0;
    while (refused_at(k, what)) ASSERT_LT(++k, 1000u);
    EXPECT_GE(k, at_least) << "too few upstream calls for the test to mean something";
  }

private:
  bool refused_at(std::size_t k, const operation& what) {
    SCOPED_TRACE("upstream refused call " + std::to_string(k));
    ledger_resource upstream;
    bool refused = false;
    {
      Pool pool(&upstream);
      population<Pool> before(pool), during(pool), after(pool);
      add_and_mark(before);
      upstream.refuse_at(k);
      try {
        what(pool, during);
      } catch (const ledger_resource::refused&) {
        refused = true;
      }
      refused = upstream.refusals() != 0 || refused;
      EXPECT_NO_THROW(pool.check_invariants());
      upstream.refuse_nothing();
      what(pool, after);
      EXPECT_NO_THROW(pool.check_invariants());
      expect_marked(before);
    }
    EXPECT_TRUE(upstream.clean());
    return refused;
  }

  static void add_and_mark(population<Pool>& live) {
    for (std::size_t i = 0; i < 20; ++i) {
      live.add(16 + i % 3 * 40);
      write_pattern(live.blocks().back(), i);
    }
  }
  static void expect_marked(const population<Pool>& live) {
    for (std::size_t i = 0; i < live.size(); ++i) EXPECT_TRUE(holds_pattern(live.blocks()[i], i));
  }
};
TYPED_TEST_SUITE(faults, both_pools, pool_names);

TYPED_TEST(faults, in_allocate_of_one_size) {
  this->fail_at_every_call(
      [](auto&, auto& live) {
        for (int i = 0; i < 3000; ++i) live.add(64);
      },
      2);
}

TYPED_TEST(faults, in_allocate_of_many_sizes_and_alignments) {
  this->fail_at_every_call(
      [](auto&, auto& live) {
        for (std::size_t i = 0; i < 600; ++i) live.add(1 + i * 37 % 3000, std::size_t{1} << i % 8);
      },
      2);
}

TYPED_TEST(faults, in_oversized_allocate) {
  this->fail_at_every_call(
      [](auto& pool, auto& live) {
        const std::size_t limit = pool.options().largest_required_pool_block;
        for (std::size_t i = 0; i < 150; ++i) live.add(limit + 1 + i);
      },
      100);
}

TYPED_TEST(faults, in_allocate_at_least) {
  this->fail_at_every_call(
      [](auto& pool, auto&) {
        for (std::size_t bytes : {1u, 100u, 5000u, 20'000u, 100'000u}) {
          const auto got = pool.allocate_at_least(bytes);
          EXPECT_GE(got.size, bytes);
          pool.deallocate(got.ptr, bytes);
        }
      },
      2);
}

TYPED_TEST(faults, in_reserve) {
  this->fail_at_every_call(
      [](auto& pool, auto&) {
        pool.reserve(64, 8, 5000);
        pool.reserve(1000, 8, 500);
      },
      2);
}

TYPED_TEST(faults, in_pmr_containers) {
  this->fail_at_every_call(
      [](auto& pool, auto&) {
        std::pmr::map<int, std::pmr::string> words(&pool);
        std::pmr::unordered_map<int, std::pmr::vector<int>> lists(&pool);
        for (int i = 0; i < 400; ++i) {
          words.emplace(i, std::string(static_cast<std::size_t>(i), 'w').c_str());
          lists[i % 20].push_back(i);
        }
      },
      2);
}

TYPED_TEST(faults, in_use_around_trim_and_release) {
  this->fail_at_every_call(
      [](auto& pool, auto&) {
        population<TypeParam> live(pool);
        for (int i = 0; i < 1000; ++i) live.add(200);
        live.free_all();
        pool.trim();
        for (int i = 0; i < 1000; ++i) live.add(48);
        live.free_all();
      },
      2);
}

// Whatever is freed while upstream refuses everything: deallocate and trim must not ask it for memory.
TYPED_TEST(faults, deallocate_and_trim_never_allocate_upstream) {
  ledger_resource upstream;
  {
    TypeParam pool(&upstream);
    population<TypeParam> live(pool);
    dice d(5);
    for (int i = 0; i < 20'000; ++i) live.add(d.between(1, 1000));
    for (int i = 0; i < 50; ++i) live.add(100'000);
    const std::size_t allocations = upstream.allocations();
    upstream.refuse_from_now();
    while (live.size() != 0) live.free_random(d);
    pool.trim();
    EXPECT_EQ(upstream.allocations(), allocations);
    EXPECT_NO_THROW(pool.check_invariants());
  }
  EXPECT_TRUE(upstream.clean());
}

// A failed reserve is as if it had not been asked for: nothing of it is kept from trim.
TYPED_TEST(faults, failed_reserve_has_no_effect) {
  for (std::size_t k = 0;; ++k) {
    ledger_resource upstream;
    TypeParam pool(&upstream);
    pool.reserve(48, 8, 100);
    pool.trim();
    const std::size_t chunks = pool.statistics().chunks;
    upstream.refuse_at(k, static_cast<std::size_t>(-1)); // one refusal alone is made up for by smaller slabs
    try {
      pool.reserve(64, 8, 30'000);
      EXPECT_GE(k, 2u);
      break;
    } catch (const ledger_resource::refused&) {
    }
    upstream.refuse_nothing();
    EXPECT_NO_THROW(pool.check_invariants());
    pool.trim();
    EXPECT_EQ(pool.statistics().chunks, chunks) << "refused call " << k;
    const std::size_t calls = upstream.calls();
    population<TypeParam> live(pool);
    for (int i = 0; i < 100; ++i) live.add(48); // what was reserved before still is
    EXPECT_EQ(upstream.calls(), calls);
  }
}

} // namespace
} // namespace quarry::test
