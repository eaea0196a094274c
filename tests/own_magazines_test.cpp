// How large the magazines of a pool of one thread are (src/own_magazines.hpp).
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "own_magazines.hpp"
#include "support/dice.hpp"
#include "support/ledger_resource.hpp"
#include "support/poisoned.hpp"

namespace quarry::detail {
namespace {

// What the unsynchronized pool is, for blocks of one class.
class own_magazines_test : public ::testing::Test {
protected:
  void SetUp() override {
    if (test::memory_is_poisoned()) GTEST_SKIP() << "there are no magazines";
  }
  void* allocate() {
    void* const block = set->pop(c);
    return block != nullptr ? block : magazines.allocate(c);
  }
  void deallocate(void* block) {
    if (!set->push(c, block)) magazines.deallocate(c, block);
  }
  void fill(std::size_t blocks) {
    while (live.size() < blocks) live.push_back(allocate());
  }
  void empty(std::size_t left) {
    while (live.size() > left) {
      std::swap(live[d.below(live.size())], live.back());
      deallocate(live.back());
      live.pop_back();
    }
  }
  void come_and_go(std::size_t few) {
    fill(100'000);
    empty(few);
    fill(100'000);
  }
  void fall(std::size_t few) {
    empty(few);
    for (std::size_t i = 0; i < 100 * few; ++i) {
      empty(few - 1);
      fill(few);
    }
  }
  std::size_t bytes() const { // of the set and its slots
    return set == &no_magazines ? 0 : sizeof(magazine_set) + set->slot_count * sizeof(void*);
  }
  void expect_order() {
    EXPECT_NO_THROW(core.check_invariants());
    EXPECT_NO_THROW(magazines.check_invariants());
  }

  static constexpr size_class c = size_class_of(64, 8);
  test::ledger_resource upstream;
  pool_core core{{}, &upstream, false};
  magazine_set* set = &no_magazines;
  own_magazines magazines{core, set};
  test::dice d{7};
  std::vector<void*> live;
};

TEST_F(own_magazines_test, come_after_some_calls_and_grow_with_what_is_used) {
  fill(32);
  EXPECT_EQ(bytes(), 0u);
  fill(100);
  EXPECT_EQ(bytes(), 4096u);
  come_and_go(100);
  EXPECT_EQ(bytes(), 16'384u);
  expect_order();
}

TEST_F(own_magazines_test, are_small_after_a_fall_once) {
  come_and_go(2000);
  EXPECT_EQ(bytes(), 16'384u);
  fall(1000);
  EXPECT_EQ(bytes(), 4096u);
  expect_order();
  come_and_go(2000);
  EXPECT_EQ(bytes(), 16'384u);
  fall(1000);
  EXPECT_EQ(bytes(), 16'384u) << "a load that comes back keeps them";
  expect_order();
}

TEST_F(own_magazines_test, that_were_made_largest_stay_so) {
  magazines.make_largest();
  EXPECT_EQ(bytes(), 16'384u);
  come_and_go(2000);
  fall(1000);
  EXPECT_EQ(bytes(), 16'384u);
}

TEST_F(own_magazines_test, are_given_back) {
  fill(1000);
  magazines.give_back(magazines.remove());
  core.release_all();
  live.clear();
  EXPECT_TRUE(upstream.clean());
  fill(100);
  EXPECT_EQ(bytes(), 4096u);
}

// Who has magazines goes on with those when upstream has no memory for larger ones.
TEST_F(own_magazines_test, need_not_grow) {
  fill(1000);
  const std::size_t before = bytes();
  core.pools().of(c).reserve(100'000);
  upstream.refuse_from_now();
  come_and_go(100);
  EXPECT_EQ(bytes(), before);
  expect_order();
}

} // namespace
} // namespace quarry::detail
