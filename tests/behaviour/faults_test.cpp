// Upstream fails at call 0, 1, 2, … of every operation: the failure reaches the caller as upstream threw it,
// nothing is lost, and the pool goes on working when upstream does.
#include "support.hpp"

#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include <quarry/allocator.hpp>
#include <quarry/testing.hpp>

namespace quarry::test {
namespace {

template <class Pool>
class faults : public ::testing::Test {
protected:
  using operation = std::function<void(Pool&, population<Pool>&)>;

  // Runs `what` on a new pool with each call upstream failing, alone and with all that follow it.
  void fail_at_every_call(const operation& what, std::size_t at_least = 1) {
    for (const std::size_t failures : {std::size_t{1}, failing_resource::for_ever}) {
      SCOPED_TRACE(failures == 1 ? "one call fails" : "all calls fail from one on");
      const auto f = [&](failing_resource& upstream) { return survives(upstream, what); };
      EXPECT_GE(for_each_failure_point(f, failures), at_least) << "too few for the test to mean something";
    }
  }

private:
  static bool survives(failing_resource& upstream, const operation& what) {
    Pool pool(&upstream);
    population<Pool> before(pool), during(pool), after(pool);
    add_and_mark(before);
    try {
      what(pool, during);
    } catch (const failing_resource::failure&) {
    }
    expect_sound(pool, upstream);
    upstream.fail_never();
    what(pool, after);
    expect_sound(pool, upstream);
    expect_marked(before);
    return !::testing::Test::HasFailure();
  }

  // And none of what looks at a pool asks upstream for anything.
  static void expect_sound(Pool& pool, const failing_resource& upstream) {
    const std::size_t calls = upstream.calls();
    EXPECT_NO_THROW(pool.check_invariants());
    EXPECT_EQ(pool.statistics().bytes_held, upstream.bytes_held());
    EXPECT_FALSE(pool.owns(&pool));
    EXPECT_EQ(upstream.calls(), calls);
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

TYPED_TEST(faults, in_typed_allocators) {
  this->fail_at_every_call(
      [](auto& pool, auto&) {
        using pool_type = std::remove_reference_t<decltype(pool)>;
        std::list<int, pool_allocator<int, pool_type>> list(&pool);
        std::vector<double, pool_allocator<double, pool_type>> numbers(&pool);
        for (int i = 0; i < 1000; ++i) {
          list.push_back(i);
          numbers.push_back(i);
        }
        EXPECT_THROW((void)numbers.get_allocator().allocate(static_cast<std::size_t>(-1) / 4),
                     std::bad_array_new_length);
      },
      2);
}

// Each thread is new to the pool, and the last of its frees come after its caches are gone.
TEST(faults_of_thread_caches, in_the_calls_of_new_threads) {
  const auto f = [](failing_resource& upstream) {
    sync pool(&upstream);
    std::size_t refused = 0;
    for (int thread = 0; thread < 3; ++thread)
      on_another_thread([&] {
        population<sync> live(pool);
        for (std::size_t i = 0; i < 500; ++i) try {
            live.add(1 + i * 37 % 2000);
          } catch (const failing_resource::failure&) {
            ++refused;
          }
      });
    EXPECT_LE(refused,
              upstream.failures()); // some room for a block may be left that is not large enough else
    EXPECT_NO_THROW(pool.check_invariants());
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    upstream.fail_never();
    on_another_thread([&] { population<sync>(pool).add(64); });
    return !::testing::Test::HasFailure();
  };
  EXPECT_GT(for_each_failure_point(f), 10u);
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

// A failed reserve is as if it had not been asked for: nothing of it is kept from trim. (One failure alone is
// made up for by smaller slabs.)
TYPED_TEST(faults, failed_reserve_has_no_effect) {
  std::size_t failed = 0;
  const auto f = [&](failing_resource& upstream) {
    TypeParam pool(&upstream);
    pool.reserve(48, 8, 100);
    pool.trim();
    const std::size_t chunks = pool.statistics().chunks;
    try {
      pool.reserve(64, 8, 30'000);
      return true;
    } catch (const failing_resource::failure&) {
      ++failed;
    }
    upstream.fail_never();
    EXPECT_NO_THROW(pool.check_invariants());
    pool.trim();
    EXPECT_EQ(pool.statistics().chunks, chunks);
    const std::size_t calls = upstream.calls();
    population<TypeParam> live(pool);
    for (int i = 0; i < 100; ++i) live.add(48); // what was reserved before still is
    EXPECT_EQ(upstream.calls(), calls);
    return !::testing::Test::HasFailure();
  };
  for_each_failure_point(f, failing_resource::for_ever);
  EXPECT_GE(failed, 2u);
}

} // namespace
} // namespace quarry::test
