// What the pools meet of misuse on their cold paths: reported by kind, dropped, counted, never handed out
// again, and nothing else harmed. (A bad block that is still in a cache may be missed, so each test empties
// the caches.)
#include "../support/poisoned.hpp"
#include "recorded_violations.hpp"
#include "support.hpp"

#include <memory>
#include <vector>

namespace quarry::test {
namespace {

template <class Pool>
class violations : public ::testing::Test {
protected:
  static constexpr std::size_t bytes = 64, many = 5000;

  // The report is one, of this kind and address; the block is dropped and never comes again.
  void expect_dropped(violation_kind kind, void* address) {
    pool.trim();
    EXPECT_EQ(seen.all().size(), 1u);
    if (seen.all().size() == 1) {
      EXPECT_EQ(seen.all()[0], (recorded_violations::entry{kind, address}))
          << "kind " << static_cast<int>(seen.all()[0].kind) << " instead of " << static_cast<int>(kind);
    }
    EXPECT_EQ(pool.statistics().dropped_blocks, 1u);
    EXPECT_NO_THROW(pool.check_invariants());
    expect_never_again(address);
    EXPECT_NO_THROW(pool.check_invariants());
    EXPECT_EQ(seen.all().size(), 1u);
  }
  void* allocate() { return pool.allocate(bytes, 8); }
  void free(void* p) { pool.deallocate(p, bytes, 8); }

  ledger_resource upstream;
  recorded_violations seen;
  Pool pool{&upstream};

private:
  void expect_never_again(const void* address) {
    population<Pool> live(pool);
    for (std::size_t i = 0; i < many; ++i)
      for (const std::size_t size : {bytes / 2, bytes, 2 * bytes}) {
        live.add(size);
        ASSERT_NE(live.blocks().back().address, address) << "handed out again as " << size << " bytes";
      }
  }
};
TYPED_TEST_SUITE(violations, both_pools, pool_names);

TYPED_TEST(violations, good_use_reports_nothing) {
  population<TypeParam> live(this->pool);
  for (int i = 0; i < 5000; ++i) live.add(64);
  live.free_all();
  this->pool.trim();
  EXPECT_TRUE(this->seen.all().empty());
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 0u);
}

// Blocks that are freed together are looked up together; a bad one among them spoils none.
TYPED_TEST(violations, a_foreign_pointer_between_two_blocks_of_one_slab) {
  std::vector<void*> blocks(1000);
  for (void*& block : blocks) block = this->allocate();
  this->pool.trim();
  alignas(16) char stranger[64];
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    this->free(blocks[i]);
    if (i == 500) this->free(stranger);
  }
  this->expect_dropped(violation_kind::foreign_pointer, stranger);
  EXPECT_EQ(this->pool.statistics().bytes_in_use, 0u);
}

TYPED_TEST(violations, a_pool_destroyed_with_live_blocks_is_no_leak) {
  (void)std::make_unique<TypeParam>()->allocate(64, 8);
  EXPECT_TRUE(this->seen.all().empty());
}

// The first free reached the slab; the second is met when the cache is emptied. The block is free once, so
// that it has one owner at most.
TYPED_TEST(violations, double_free) {
  void* const kept = this->allocate(); // keeps the slab
  void* const p = this->allocate();
  this->free(p);
  this->pool.trim();
  this->free(p);
  this->pool.trim();
  const std::vector<recorded_violations::entry> expected{{violation_kind::double_free, p}};
  EXPECT_EQ(this->seen.all(), expected);
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 1u);
  EXPECT_NO_THROW(this->pool.check_invariants());
  {
    population<TypeParam> live(this->pool);
    std::size_t times = 0;
    for (std::size_t i = 0; i < this->many; ++i) {
      live.add(this->bytes);
      times += live.blocks().back().address == p;
    }
    EXPECT_LE(times, 1u);
  }
  this->free(kept);
  EXPECT_NO_THROW(this->pool.check_invariants());
}

TYPED_TEST(violations, double_free_in_one_flush) {
  void* const kept = this->allocate();
  void* const p = this->allocate();
  this->free(p);
  this->free(p);
  this->pool.trim();
  const std::vector<recorded_violations::entry> expected{{violation_kind::double_free, p}};
  EXPECT_EQ(this->seen.all(), expected);
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 1u);
  EXPECT_NO_THROW(this->pool.check_invariants());
  this->free(kept);
}

// Each block has a slab of its own, which is empty and leaves when the bad one comes to it.
TYPED_TEST(violations, double_free_in_the_flush_that_empties_the_slab) {
  constexpr std::size_t whole_slab = 4096;
  std::vector<void*> blocks(40);
  for (void*& block : blocks) block = this->pool.allocate(whole_slab, 8);
  this->pool.trim();
  for (const std::size_t i : {0u, 1u, 0u, 2u}) this->pool.deallocate(blocks[i], whole_slab, 8);
  this->pool.trim();
  ASSERT_EQ(this->seen.all().size(), 1u);
  EXPECT_EQ(this->seen.all()[0].address, blocks[0]);
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 1u);
  EXPECT_NO_THROW(this->pool.check_invariants());
  for (std::size_t i = 3; i < blocks.size(); ++i) this->pool.deallocate(blocks[i], whole_slab, 8);
  this->pool.trim();
  EXPECT_NO_THROW(this->pool.check_invariants());
}

// The first requests of a pool, which has no magazines yet.
TYPED_TEST(violations, double_free_of_what_is_kept_at_hand) {
  void* const p = this->allocate();
  this->free(p);
  this->free(p);
  void* const a = this->allocate();
  void* const b = this->allocate();
  EXPECT_NE(a, b);
  this->free(a);
  this->free(b);
  this->pool.trim();
  const std::vector<recorded_violations::entry> expected{{violation_kind::double_free, p}};
  EXPECT_EQ(this->seen.all(), expected);
  EXPECT_NO_THROW(this->pool.check_invariants());
}

TYPED_TEST(violations, foreign_pointer) {
  alignas(16) static std::byte elsewhere[128];
  this->free(this->allocate());
  this->free(elsewhere);
  this->expect_dropped(violation_kind::foreign_pointer, elsewhere);
}

TYPED_TEST(violations, block_of_another_pool) {
  TypeParam other;
  void* const p = other.allocate(this->bytes, 8);
  this->free(this->allocate());
  this->free(p);
  this->expect_dropped(violation_kind::foreign_pointer, p);
  EXPECT_NO_THROW(other.check_invariants());
  other.deallocate(p, this->bytes, 8);
}

TYPED_TEST(violations, middle_of_a_block) {
  auto* const p = static_cast<std::byte*>(this->allocate());
  this->free(p + 8);
  this->expect_dropped(violation_kind::foreign_pointer, p + 8);
  this->free(p);
}

TYPED_TEST(violations, wrong_size_class) {
  void* const p = this->allocate();
  this->pool.deallocate(p, 2 * this->bytes, 8);
  this->expect_dropped(violation_kind::wrong_size, p);
}

TYPED_TEST(violations, unknown_oversized_block) {
  alignas(16) static std::byte elsewhere[128];
  this->pool.deallocate(elsewhere, 1 << 20, 16);
  this->expect_dropped(violation_kind::foreign_pointer, elsewhere);
  EXPECT_TRUE(this->upstream.mismatches().empty());
}

TYPED_TEST(violations, wrong_size_of_an_oversized_block) {
  void* const p = this->pool.allocate(1 << 20, 16);
  this->pool.deallocate(p, (1 << 20) + 4096, 16);
  this->expect_dropped(violation_kind::wrong_size, p);
  EXPECT_TRUE(this->upstream.mismatches().empty());
}

TYPED_TEST(violations, block_freed_as_one_of_a_class_that_has_slabs_too) {
  void* const other = this->pool.allocate(3 * this->bytes, 8);
  void* const p = this->allocate();
  this->pool.deallocate(p, 3 * this->bytes, 8);
  this->expect_dropped(violation_kind::wrong_size, p);
  this->pool.deallocate(other, 3 * this->bytes, 8);
  EXPECT_NO_THROW(this->pool.check_invariants());
}

// Freed right and wrong in one go, so that their slabs are empty when the second frees are met, and gone when
// they are reported.
TYPED_TEST(violations, blocks_freed_right_and_with_a_larger_size) {
  constexpr std::size_t size = 100, larger = 120;
  TypeParam bounded({50, 0}, &this->upstream); // so few to a chunk that all lie in slabs
  std::vector<void*> others(40), blocks(60);
  for (void*& other : others) other = bounded.allocate(larger, 8);
  for (void*& block : blocks) block = bounded.allocate(size, 8);
  bounded.trim();
  for (void* const block : blocks) bounded.deallocate(block, size, 8);
  for (void* const block : blocks) bounded.deallocate(block, larger, 8);
  bounded.trim();
  EXPECT_EQ(bounded.statistics().dropped_blocks, blocks.size());
  ASSERT_EQ(this->seen.all().size(), blocks.size());
  // While memory is poisoned freed blocks are kept back, and known by their addresses.
  const auto kind = memory_is_poisoned() ? violation_kind::double_free : violation_kind::wrong_size;
  for (const auto& each : this->seen.all()) EXPECT_EQ(each.kind, kind);
  EXPECT_NO_THROW(bounded.check_invariants());
  for (void* const other : others) bounded.deallocate(other, larger, 8);
  bounded.trim();
  EXPECT_EQ(bounded.statistics().bytes_in_use, 0u);
}

// Every other of them starts where a block of that class would, and among them are some that do.
TYPED_TEST(violations, blocks_freed_with_twice_their_size) {
  TypeParam bounded({50, 0}, &this->upstream); // so few to a chunk that all lie in slabs
  std::vector<void*> others(20);
  for (void*& other : others) other = bounded.allocate(2 * this->bytes, 8);
  const std::size_t of_others = bounded.statistics().bytes_in_use;
  std::vector<void*> blocks(60); // as many are reported at once
  for (void*& block : blocks) block = bounded.allocate(this->bytes, 8);
  const std::size_t of_blocks = bounded.statistics().bytes_in_use - of_others;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    bounded.deallocate(blocks[i], 2 * this->bytes, 8);
    if (i < others.size()) bounded.deallocate(others[i], 2 * this->bytes, 8);
  }
  bounded.trim();
  const auto reported = this->seen.all();
  ASSERT_EQ(reported.size(), blocks.size());
  for (const auto& each : reported) ASSERT_EQ(each.kind, violation_kind::wrong_size);
  EXPECT_EQ(bounded.statistics().dropped_blocks, blocks.size());
  EXPECT_EQ(bounded.statistics().bytes_in_use, of_blocks);
  EXPECT_NO_THROW(bounded.check_invariants());
}

TYPED_TEST(violations, wrong_alignment_of_an_oversized_block) {
  void* const p = this->pool.allocate(1 << 20, 16);
  this->pool.deallocate(p, 1 << 20, 64);
  this->expect_dropped(violation_kind::wrong_alignment, p);
  EXPECT_TRUE(this->upstream.mismatches().empty());
}

TYPED_TEST(violations, pooled_block_freed_as_oversized) {
  void* const p = this->allocate();
  this->pool.deallocate(p, 1 << 20, 8);
  this->expect_dropped(violation_kind::wrong_size, p);
  EXPECT_TRUE(this->upstream.mismatches().empty());
}

// What one call meets is listed up to a number; the rest is told of once.
TYPED_TEST(violations, many_in_one_call_are_all_counted) {
  if (memory_is_poisoned()) GTEST_SKIP() << "each is found by the call that frees it";
  constexpr std::size_t blocks = 200;
  population<TypeParam> before(this->pool);
  for (std::size_t i = 0; i < this->many; ++i) before.add(this->bytes);
  before.free_all();
  std::vector<void*> twice;
  population<TypeParam> between(this->pool); // its blocks keep the slabs
  for (std::size_t i = 0; i < blocks; ++i) {
    twice.push_back(this->allocate());
    between.add(this->bytes);
  }
  for (int times = 0; times < 2; ++times)
    for (void* p : twice) this->free(p);
  this->pool.trim();
  EXPECT_EQ(this->pool.statistics().dropped_blocks, blocks);
  const auto reports = this->seen.all();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(std::count_if(reports.begin(), reports.end(), [](const auto& r) { return r.address == nullptr; }),
            reports.size() < blocks ? 1 : 0);
  EXPECT_TRUE(std::all_of(reports.begin(), reports.end(),
                          [](const auto& r) { return r.kind == violation_kind::double_free; }));
  EXPECT_NO_THROW(this->pool.check_invariants());
}

TYPED_TEST(violations, lose_nothing) {
  alignas(16) static std::byte elsewhere[128];
  this->free(elsewhere);
  void* const p = this->allocate();
  this->pool.deallocate(p, 3 * this->bytes, 8);
  this->pool.trim();
  this->pool.release();
  EXPECT_TRUE(this->upstream.clean());
  population<TypeParam> live(this->pool);
  live.add(64);
  EXPECT_NO_THROW(this->pool.check_invariants());
}

TEST(violations_of_threads, double_free_by_two_threads) {
  recorded_violations seen;
  ledger_resource upstream;
  {
    sync pool(&upstream);
    void* const kept = pool.allocate(64, 8);
    void* const p = pool.allocate(64, 8);
    pool.deallocate(p, 64, 8);
    on_another_thread([&] { pool.deallocate(p, 64, 8); });
    pool.trim();
    const std::vector<recorded_violations::entry> expected{{violation_kind::double_free, p}};
    EXPECT_EQ(seen.all(), expected);
    EXPECT_EQ(pool.statistics().dropped_blocks, 1u);
    EXPECT_NO_THROW(pool.check_invariants());
    pool.deallocate(kept, 64, 8);
  }
  EXPECT_TRUE(upstream.clean());
}

} // namespace
} // namespace quarry::test
