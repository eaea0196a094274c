// The tree against std::set, step by step.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>

#include "address_tree.hpp"

namespace {

struct item {
  const std::byte* base;
  item* left;
  item* right;
};

class in_step : public testing::TestWithParam<std::size_t> {};

TEST_P(in_step, with_a_set_through_random_inserts_and_erases) {
  static const std::array<std::byte, 1024> memory{};
  std::array<item, 1024> items{};
  for (std::size_t i = 0; i < items.size(); ++i) items[i].base = &memory[i];
  quarry::detail::address_tree<item> tree;
  std::set<std::size_t> expected;
  std::mt19937_64 random(GetParam());
  for (int step = 0; step < 5000; ++step) {
    const std::size_t i = random() % items.size();
    if (expected.erase(i) != 0)
      tree.erase(items[i]);
    else if (expected.insert(i).second)
      tree.insert(items[i]);
    ASSERT_EQ(tree.empty(), expected.empty());
    ASSERT_EQ(tree.lowest(), expected.empty() ? nullptr : &items[*expected.begin()]);
    if (step % 50 != 0) continue;
    std::set<std::size_t> found;
    tree.for_each([&](const item& one) { found.insert(static_cast<std::size_t>(one.base - memory.data())); });
    ASSERT_EQ(found, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, in_step, testing::Range<std::size_t>(1, 6));

} // namespace
