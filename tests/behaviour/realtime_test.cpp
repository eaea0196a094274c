// What was reserved is there: allocating and freeing it never calls upstream, on any thread, whatever else
// happened in between, until release().
#include "support.hpp"

#include <stdexcept>

namespace quarry::test {
namespace {

struct kind {
  std::size_t bytes, alignment, count;
};
constexpr kind kinds[] = {{1, 1, 10},     {8, 8, 3000},    {24, 8, 1},     {40, 8, 1000},   {64, 64, 500},
                          {100, 4, 4096}, {250, 16, 777},  {1000, 8, 300}, {256, 4096, 40}, {3000, 8, 1},
                          {5000, 8, 100}, {17, 16, 2000},  {512, 512, 64}, {20'000, 8, 20}, {32'768, 8, 5},
                          {0, 1, 100},    {2048, 2048, 33}};

template <class Pool>
void allocate_all(population<Pool>& live, const kind& k) {
  for (std::size_t i = 0; i < k.count; ++i) live.add(k.bytes, k.alignment);
}

// All of them live at once, three times, and then some of them freed and allocated again.
template <class Pool>
std::size_t upstream_calls_of_use(Pool& pool, ledger_resource& upstream, const kind& k) {
  const std::size_t before = upstream.calls();
  dice d(k.count);
  population<Pool> live(pool);
  for (int round = 0; round < 3; ++round) {
    allocate_all(live, k);
    for (std::size_t i = 0; i < 2 * k.count; ++i) {
      live.free_random(d);
      live.add(k.bytes, k.alignment);
    }
    live.free_all();
  }
  return upstream.calls() - before;
}

template <class Pool>
class reserved : public ::testing::Test {
protected:
  void expect_quiet(const kind& k) {
    EXPECT_EQ(upstream_calls_of_use(pool, upstream, k), 0u)
        << k.count << " of " << k.bytes << " at " << k.alignment;
    EXPECT_NO_THROW(pool.check_invariants());
  }
  void reserve(const kind& k) { pool.reserve(k.bytes, k.alignment, k.count); }
  // A load of many sizes that makes the pool grow and shrink.
  void other_load(std::size_t blocks = 3000) {
    dice d(blocks);
    population<Pool> live(pool);
    for (std::size_t i = 0; i < blocks; ++i) live.add(d.between(1, 3000));
  }

  ledger_resource upstream;
  Pool pool{&upstream};
};
TYPED_TEST_SUITE(reserved, both_pools, pool_names);

TYPED_TEST(reserved, serves_one_kind_in_a_new_pool) {
  for (const kind& k : kinds) {
    ledger_resource ledger;
    TypeParam new_pool(&ledger);
    new_pool.reserve(k.bytes, k.alignment, k.count);
    EXPECT_EQ(upstream_calls_of_use(new_pool, ledger, k), 0u)
        << k.count << " of " << k.bytes << " at " << k.alignment;
  }
}

TYPED_TEST(reserved, serves_all_kinds_in_one_pool) {
  for (const kind& k : kinds) this->reserve(k);
  for (const kind& k : kinds) this->expect_quiet(k);
}

TYPED_TEST(reserved, serves_distinct_classes_at_the_same_time) {
  constexpr kind together[] = {{16, 8, 500}, {48, 8, 1000}, {200, 8, 250}, {1024, 8, 100}};
  for (const kind& k : together) this->reserve(k);
  const std::size_t before = this->upstream.calls();
  population<TypeParam> live(this->pool);
  for (const kind& k : together) allocate_all(live, k);
  live.free_all();
  EXPECT_EQ(this->upstream.calls(), before);
}

TYPED_TEST(reserved, survives_trim) {
  for (const kind& k : kinds) this->reserve(k);
  this->pool.trim();
  for (const kind& k : kinds) this->expect_quiet(k);
  this->pool.trim();
  for (const kind& k : kinds) this->expect_quiet(k);
}

TYPED_TEST(reserved, survives_trim_in_the_middle_of_use) {
  const kind k{64, 8, 1000};
  this->reserve(k);
  population<TypeParam> live(this->pool);
  for (std::size_t i = 0; i < 400; ++i) live.add(64);
  this->pool.trim();
  const std::size_t before = this->upstream.calls();
  for (std::size_t i = 0; i < 600; ++i) live.add(64);
  EXPECT_EQ(this->upstream.calls(), before);
}

TYPED_TEST(reserved, is_not_taken_by_other_classes) {
  for (const kind& k : kinds) this->reserve(k);
  for (int round = 0; round < 3; ++round) {
    this->other_load();
    for (const kind& k : kinds) this->expect_quiet(k);
    this->pool.trim();
  }
}

TYPED_TEST(reserved, survives_a_peak_of_its_own_class) {
  const kind k{64, 8, 1000};
  this->reserve(k);
  {
    population<TypeParam> live(this->pool);
    allocate_all(live, {64, 8, 50'000});
  }
  this->pool.trim();
  this->other_load();
  this->expect_quiet(k);
}

TYPED_TEST(reserved, survives_scattered_survivors_of_its_own_class) {
  population<TypeParam> live(this->pool);
  dice d(6);
  for (std::size_t i = 0; i < 20'000; ++i) live.add(64);
  while (live.size() > 500) live.free_random(d);
  this->pool.reserve(64, 8, 2000); // 1500 more than are live
  const std::size_t before = this->upstream.calls();
  for (std::size_t i = 0; i < 1500; ++i) live.add(64);
  EXPECT_EQ(this->upstream.calls(), before);
}

// As std::vector's: the total, so that asking again for as many or fewer is nothing.
TYPED_TEST(reserved, counts_in_total) {
  this->pool.reserve(64, 8, 1000);
  const std::size_t before = this->upstream.calls();
  this->pool.reserve(64, 8, 1000);
  this->pool.reserve(64, 8, 10);
  EXPECT_EQ(this->upstream.calls(), before);
  this->expect_quiet({64, 8, 1000});
}

TYPED_TEST(reserved, counts_what_is_live) {
  population<TypeParam> live(this->pool);
  for (std::size_t i = 0; i < 600; ++i) live.add(64);
  this->pool.reserve(64, 8, 1000);
  const std::size_t before = this->upstream.calls();
  for (std::size_t i = 0; i < 400; ++i) live.add(64);
  live.free_all();
  for (std::size_t i = 0; i < 1000; ++i) live.add(64);
  EXPECT_EQ(this->upstream.calls(), before);
}

TYPED_TEST(reserved, ends_with_release) {
  this->pool.reserve(64, 8, 1000);
  this->pool.release();
  EXPECT_TRUE(this->upstream.clean());
  EXPECT_EQ(this->pool.trim(), 0u);
}

TYPED_TEST(reserved, of_oversized_blocks_is_refused) {
  const std::size_t limit = this->pool.options().largest_required_pool_block;
  EXPECT_THROW(this->pool.reserve(limit + 1, 1, 1), std::invalid_argument);
  EXPECT_THROW(this->pool.reserve(8, 2 * limit, 1), std::invalid_argument);
  EXPECT_NO_THROW(this->pool.reserve(limit, 1, 1));
}

TYPED_TEST(reserved, with_few_blocks_per_chunk) {
  ledger_resource ledger;
  TypeParam narrow({10, 1024}, &ledger);
  narrow.reserve(64, 8, 500);
  narrow.reserve(1000, 8, 55);
  EXPECT_EQ(upstream_calls_of_use(narrow, ledger, {64, 8, 500}), 0u);
  EXPECT_EQ(upstream_calls_of_use(narrow, ledger, {1000, 8, 55}), 0u);
}

} // namespace
} // namespace quarry::test
