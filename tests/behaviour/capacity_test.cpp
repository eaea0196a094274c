// What a block really holds, and whose it is: good_size, allocate_at_least, deallocation with any size in
// between, owns.
#include "support.hpp"

namespace quarry::test {
namespace {

template <class Pool>
class capacity : public ::testing::Test {
protected:
  ledger_resource upstream;
  Pool pool{&upstream};
};
TYPED_TEST_SUITE(capacity, both_pools, pool_names);

TYPED_TEST(capacity, good_size_is_enough_and_not_exceeded_by_a_smaller_request) {
  for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2)
    for (std::size_t bytes = 1; bytes <= 20'000; bytes += 1 + bytes / 16) {
      const std::size_t good = this->pool.good_size(bytes, alignment);
      ASSERT_GE(good, bytes);
      ASSERT_EQ(this->pool.good_size(good, alignment), good) << bytes << " at " << alignment;
    }
}

TYPED_TEST(capacity, allocate_at_least_gives_the_good_size) {
  for (std::size_t bytes = 0; bytes <= 100'000; bytes += 1 + bytes / 8)
    for (const std::size_t alignment : {1u, 8u, 64u, 1024u}) {
      const auto got = this->pool.allocate_at_least(bytes, alignment);
      EXPECT_EQ(got.size, this->pool.good_size(bytes, alignment));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got.ptr) % alignment, 0u);
      const block whole{got.ptr, got.size, alignment};
      write_pattern(whole, bytes);
      EXPECT_TRUE(holds_pattern(whole, bytes));
      this->pool.deallocate(got.ptr, bytes + (got.size - bytes) / 2, alignment);
    }
  EXPECT_EQ(this->pool.statistics().bytes_in_use, 0u);
  EXPECT_NO_THROW(this->pool.check_invariants());
  this->pool.release();
  EXPECT_TRUE(this->upstream.clean());
}

TYPED_TEST(capacity, any_size_from_the_one_asked_to_the_one_got_deallocates) {
  for (const std::size_t bytes : {1u, 65u, 130u, 1025u, 5001u, 90'001u})
    for (std::size_t freed = bytes; freed <= this->pool.good_size(bytes, 8); ++freed) {
      const auto got = this->pool.allocate_at_least(bytes, 8);
      this->pool.deallocate(got.ptr, freed, 8);
    }
  EXPECT_EQ(this->pool.statistics().bytes_in_use, 0u);
  EXPECT_EQ(this->pool.statistics().dropped_blocks, 0u);
  EXPECT_NO_THROW(this->pool.check_invariants());
}

TYPED_TEST(capacity, sizes_no_machine_has_are_refused) {
  constexpr std::size_t most = static_cast<std::size_t>(-1);
  for (const std::size_t bytes : {most, most - 1, most - 8, most / 2 + 1}) {
    EXPECT_THROW((void)this->pool.allocate_at_least(bytes), std::bad_alloc);
    EXPECT_GE(this->pool.good_size(bytes), bytes);
  }
}

// new_delete_resource rounds such a size up to the alignment, to 0, and then gives nearly nothing.
TYPED_TEST(capacity, sizes_that_wrap_when_rounded_up_are_refused_on_new_and_delete) {
  constexpr std::size_t most = static_cast<std::size_t>(-1);
  TypeParam plain(std::pmr::new_delete_resource());
  for (std::size_t alignment = 2; alignment <= (std::size_t{1} << 62); alignment *= 2)
    for (const std::size_t below : {std::size_t{0}, alignment / 2 - 1, alignment - 2})
      EXPECT_THROW((void)plain.allocate(most - below, alignment), std::bad_alloc)
          << below << " below the most at " << alignment;
}

TYPED_TEST(capacity, a_pool_owns_what_it_gave) {
  TypeParam other(&this->upstream);
  population<TypeParam> mine(this->pool), others(other);
  for (std::size_t i = 0; i < 2000; ++i) {
    mine.add(1 + i % 700);
    others.add(1 + i % 700);
  }
  mine.add(200'000);
  others.add(200'000);
  for (const block& b : mine.blocks()) {
    EXPECT_TRUE(this->pool.owns(b.address));
    EXPECT_FALSE(other.owns(b.address));
  }
  EXPECT_FALSE(this->pool.owns(nullptr));
  EXPECT_FALSE(this->pool.owns(&other));
}

} // namespace
} // namespace quarry::test
