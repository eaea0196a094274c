// A pool of a few requests: they lie in one small piece of memory, its nursery, as blocks like any others.
#include "../support/poisoned.hpp"
#include "recorded_violations.hpp"
#include "support.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace quarry::test {
namespace {

using entry = recorded_violations::entry;

constexpr std::size_t few[] = {24, 24, 64, 24, 100, 40, 24, 64, 40, 24}, nursery_bytes = 1024,
                      before_magazines = 32, too_large = 3000; // calls, and bytes of one that counts as such

auto count_pieces(const ledger_resource& upstream) {
  const auto given = upstream.blocks();
  return std::count_if(given.begin(), given.end(),
                       [](const ledger_resource::block& b) { return b.alignment == 16; });
}

template <class Pool>
class few_requests : public ::testing::Test {
protected:
  void SetUp() override {
    if (memory_is_poisoned()) GTEST_SKIP() << "there is no nursery while memory is poisoned";
  }
  void serve_few() {
    for (const std::size_t bytes : few) live.add(bytes);
  }
  // So many calls that the pool has magazines, and slabs of what it serves then.
  void outgrow() {
    for (std::size_t i = 0; i < 2 * before_magazines; ++i)
      pool.deallocate(pool.allocate(too_large, 8), too_large, 8);
    pool.check_invariants();
  }
  auto pieces_of_nursery() const { return count_pieces(upstream); }
  bool has_nursery() const { return pieces_of_nursery() != 0; }

  ledger_resource upstream;
  recorded_violations seen;
  Pool pool{&upstream};
  population<Pool> live{pool};
};
bool is_in(const void* p, const ledger_resource::block& given) {
  const auto* const start = static_cast<const std::byte*>(given.address);
  return p >= start && p < start + given.size;
}
TYPED_TEST_SUITE(few_requests, both_pools, pool_names);

TYPED_TEST(few_requests, are_one_call_upstream) {
  this->serve_few();
  this->pool.check_invariants();
  EXPECT_EQ(this->upstream.calls(), 1u);
  EXPECT_EQ(this->upstream.held(), nursery_bytes);
  this->live.free_all();
  this->serve_few();
  EXPECT_EQ(this->upstream.calls(), 1u);
}

// Blocks of each class that ever lay there count, so there may be more of them than units.
TYPED_TEST(few_requests, of_a_pool_with_bounded_chunks_are_no_more_in_one_than_it_says) {
  TypeParam bounded({nursery_bytes / 16, 0}, &this->upstream);
  (void)bounded.allocate(8, 8); // stays, so that its memory does
  std::map<void*, std::set<std::pair<void*, std::size_t>>> carved;
  for (const std::size_t bytes : {16u, 32u, 48u, 64u, 80u, 96u, 112u, 128u, 8u}) {
    std::vector<void*> blocks;
    for (int i = 0; i < 20; ++i) {
      blocks.push_back(bounded.allocate(bytes, 8));
      for (const ledger_resource::block& given : this->upstream.blocks())
        if (is_in(blocks.back(), given)) carved[given.address].emplace(blocks.back(), bytes);
    }
    for (void* const block : blocks) bounded.deallocate(block, bytes, 8);
  }
  for (const auto& [given, blocks] : carved)
    EXPECT_LE(blocks.size(), bounded.options().max_blocks_per_chunk) << given;
}

TYPED_TEST(few_requests, are_in_the_statistics) {
  this->serve_few();
  pool_statistics s = this->pool.statistics();
  EXPECT_EQ(s.chunks, 1u);
  EXPECT_EQ(s.bytes_held, nursery_bytes);
  EXPECT_EQ(s.bytes_in_use, 5 * 24 + 2 * 64 + 2 * 40 + 104u);
  EXPECT_EQ(s.peak_bytes_in_use, s.bytes_in_use);
  EXPECT_EQ(s.slabs, 10u); // each block is one of its own
  for (const size_class_statistics& row : s.classes()) {
    const auto served = std::count_if(std::begin(few), std::end(few), [&](std::size_t bytes) {
      return this->pool.good_size(bytes, 8) == row.block_size;
    });
    EXPECT_EQ(row.blocks_in_use, static_cast<std::size_t>(served)) << row.block_size;
    EXPECT_EQ(row.blocks_in_use, row.slabs);
    EXPECT_EQ(row.blocks_cached + row.blocks_free, 0u);
  }
  for (const block& b : this->live.blocks()) EXPECT_TRUE(this->pool.owns(b.address));
  EXPECT_FALSE(this->pool.owns(nullptr));
  this->live.free_all();
  s = this->pool.statistics();
  EXPECT_EQ(s.bytes_in_use + s.bytes_cached + s.bytes_free, 0u);
}

TYPED_TEST(few_requests, that_are_freed_leave_nothing_to_trim) {
  this->serve_few();
  EXPECT_EQ(this->pool.trim(), 0u);
  this->live.free_all();
  EXPECT_EQ(this->pool.trim(), nursery_bytes);
  EXPECT_EQ(this->upstream.held(), 0u);
  this->serve_few();
  EXPECT_EQ(this->upstream.held(), nursery_bytes);
}

TYPED_TEST(few_requests, end_with_release) {
  this->serve_few();
  this->pool.release();
  this->live.forget_all();
  EXPECT_EQ(this->upstream.held(), 0u);
  EXPECT_EQ(this->pool.statistics().bytes_in_use, 0u);
  this->serve_few();
  this->pool.check_invariants();
  for (const block& b : this->live.blocks()) EXPECT_TRUE(this->pool.owns(b.address));
}

TYPED_TEST(few_requests, are_as_good_as_others_when_the_pool_grows) {
  this->serve_few();
  this->outgrow();
  EXPECT_TRUE(this->has_nursery());
  EXPECT_EQ(this->pool.statistics().bytes_in_use, 5 * 24 + 2 * 64 + 2 * 40 + 104u);
  this->live.free_all();
  this->pool.check_invariants();
  this->pool.trim();
  EXPECT_FALSE(this->has_nursery());
  EXPECT_TRUE(this->seen.all().empty());
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 0u);
  EXPECT_EQ(this->pool.statistics().bytes_in_use, 0u);
}

TYPED_TEST(few_requests, of_a_pool_that_has_grown_go_upstream_without_being_asked) {
  if (std::is_same_v<TypeParam, sync>) GTEST_SKIP() << "some may lie in a depot";
  this->serve_few();
  this->outgrow();
  std::vector<block> others;
  for (int i = 0; i < 2000; ++i)
    for (const std::size_t bytes : few) others.push_back({this->pool.allocate(bytes, 8), bytes, 8});
  const auto pieces = this->pieces_of_nursery();
  this->live.free_all();
  for (const block& b : others) this->pool.deallocate(b.address, b.bytes, b.alignment); // the oldest first
  EXPECT_LT(this->pieces_of_nursery(), pieces) << "some of the last blocks are in magazines";
  this->pool.check_invariants();
}

// What is freed into a magazine serves every request of its class, also one that is aligned to all of it.
TYPED_TEST(few_requests, are_aligned_for_whoever_comes_next) {
  for (const std::size_t bytes : {32u, 64u, 96u, 128u, 256u, 512u, 1024u, 2048u}) {
    const std::size_t alignment = bytes & (~bytes + 1);
    TypeParam young(&this->upstream);
    population<TypeParam> first(young);
    for (int i = 0; i < 5; ++i) {
      first.add(8);
      first.add(bytes);
    }
    for (std::size_t i = 0; i < 2 * before_magazines; ++i)
      young.deallocate(young.allocate(too_large, 8), too_large, 8);
    first.free_all();
    population<TypeParam> aligned(young);
    for (int i = 0; i < 100; ++i) {
      aligned.add(bytes, alignment);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned.blocks().back().address) % alignment, 0u) << bytes;
    }
    young.check_invariants();
  }
}

TYPED_TEST(few_requests, freed_badly_are_reported_at_once) {
  this->serve_few();
  void* const p = this->pool.allocate(40, 8);
  auto* const inside = static_cast<std::byte*>(p) + 16;
  this->pool.deallocate(p, 64, 8);
  this->pool.deallocate(inside, 40, 8);
  this->pool.deallocate(p, std::size_t{1} << 20, 8);
  this->pool.deallocate(p, 40, 8);
  this->pool.deallocate(p, 40, 8);
  EXPECT_EQ(this->seen.all(), (std::vector<entry>{{violation_kind::wrong_size, p},
                                                  {violation_kind::foreign_pointer, inside},
                                                  {violation_kind::wrong_size, p},
                                                  {violation_kind::double_free, p}}));
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 4u);
  this->pool.check_invariants();
}

TYPED_TEST(few_requests, freed_badly_are_reported_by_a_flush) {
  this->serve_few();
  void* const p = this->pool.allocate(40, 8);
  void* const q = this->pool.allocate(48, 8);
  this->outgrow();
  for (int i = 0; i < 100; ++i) this->live.add(64); // magazines of the classes
  for (int i = 0; i < 100; ++i) this->live.add(40);
  while (this->live.size() != 10) this->live.free_last();
  this->pool.deallocate(q, 64, 8);
  this->pool.deallocate(p, 40, 8);
  this->pool.deallocate(p, 40, 8);
  this->pool.trim();
  auto reported = this->seen.all();
  std::sort(reported.begin(), reported.end(), [](const entry& a, const entry& b) { return a.kind < b.kind; });
  EXPECT_EQ(reported,
            (std::vector<entry>{{violation_kind::double_free, p}, {violation_kind::wrong_size, q}}));
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 2u);
  this->pool.check_invariants();
}

TYPED_TEST(few_requests, lie_in_no_nursery_where_chunks_are_bounded) {
  for (const std::size_t most : {50u, 100u, 4096u}) {
    ledger_resource up;
    TypeParam bounded({most, 0}, &up);
    population<TypeParam> blocks(bounded);
    for (std::size_t i = 0; i < 20; ++i) blocks.add(8);
    EXPECT_EQ(count_pieces(up), most == 50 ? 0 : 1) << most;
    bounded.check_invariants();
  }
}

TYPED_TEST(few_requests, that_were_reserved_call_nobody) {
  this->pool.reserve(24, 8, 10);
  const std::size_t calls = this->upstream.calls();
  this->upstream.refuse_from_now();
  for (int i = 0; i < 10; ++i) this->live.add(24);
  this->live.free_all();
  EXPECT_EQ(this->upstream.calls(), calls);
}

TYPED_TEST(few_requests, fail_with_upstream_and_are_served_with_it) {
  this->upstream.refuse_from_now();
  EXPECT_THROW((void)this->pool.allocate(24, 8), ledger_resource::refused);
  EXPECT_EQ(this->upstream.held(), 0u);
  this->upstream.refuse_nothing();
  this->serve_few();
  this->pool.check_invariants();
}

} // namespace
} // namespace quarry::test
