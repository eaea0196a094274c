// Blocks of all classes in a piece of memory (src/nursery.hpp), against a model of its bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "nursery.hpp"
#include "support/dice.hpp"

namespace quarry::detail {
namespace {

class nursery_test : public ::testing::TestWithParam<std::size_t> {
protected:
  // Upstream aligns to 16 bytes: where larger powers of two lie differs.
  nursery_test() { blocks.add(memory()); }
  std::byte* memory() { return storage + GetParam(); }

  struct taken {
    std::byte* address;
    size_class c;
  };
  std::byte* allocate(size_class c) {
    auto* const block = static_cast<std::byte*>(blocks.allocate(c));
    if (block != nullptr) live.push_back({block, c});
    blocks.check_invariants();
    return block;
  }
  bool deallocate(std::size_t i) {
    const taken was = live[i];
    live.erase(live.begin() + static_cast<std::ptrdiff_t>(i));
    const bool done = blocks.deallocate(was.c, was.address);
    blocks.check_invariants();
    return done;
  }
  bool is_free(const std::byte* first, std::size_t bytes) const {
    return std::none_of(live.begin(), live.end(), [&](const taken& t) {
      return t.address < first + bytes && first < t.address + block_sizes[t.c];
    });
  }
  // Whether anything of class `c` would fit, looked for byte by byte.
  bool has_room(size_class c) {
    for (std::size_t offset = 0; offset + block_sizes[c] <= nursery::bytes; offset += 16) {
      std::byte* const at = memory() + offset;
      if (reinterpret_cast<std::uintptr_t>(at) % natural_alignment_of(c) == 0 && is_free(at, block_sizes[c]))
        return true;
    }
    return false;
  }

  alignas(256) std::byte storage[nursery::bytes + 256];
  nursery blocks{32768};
  std::vector<taken> live;
};

constexpr size_class largest = size_class_of(nursery::largest_block, 1);

TEST_P(nursery_test, serves_every_class_aligned_and_disjoint_as_long_as_there_is_room) {
  test::dice dice(GetParam() + 1);
  for (int step = 0; step < 20'000; ++step) {
    if (!live.empty() && dice.below(100) < 47) {
      EXPECT_TRUE(deallocate(dice.below(live.size())));
      continue;
    }
    const size_class c = dice.below(dice.below(2) == 0 ? 6 : largest + 1);
    const bool fits = has_room(c);
    const std::size_t count = live.size();
    std::byte* const block = allocate(c);
    ASSERT_EQ(block != nullptr, fits) << "of " << block_sizes[c] << " at step " << step;
    if (block == nullptr) continue;
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % natural_alignment_of(c), 0u);
    ASSERT_GE(block, memory());
    ASSERT_LE(block + block_sizes[c], memory() + nursery::bytes);
    live.resize(count);
    ASSERT_TRUE(is_free(block, block_sizes[c]));
    live.push_back({block, c});
  }
}

TEST_P(nursery_test, is_used_to_the_last_unit) {
  for (std::size_t i = 0; i < nursery::units; ++i) EXPECT_NE(allocate(1), nullptr);
  EXPECT_EQ(allocate(0), nullptr);
  ASSERT_TRUE(deallocate(17));
  EXPECT_EQ(allocate(0), memory() + 17 * nursery::unit_bytes);
}

TEST_P(nursery_test, knows_what_it_has) {
  const size_class c = size_class_of(40, 8);
  std::byte* const block = allocate(c);
  EXPECT_FALSE(blocks.deallocate(c + 1, block));
  EXPECT_FALSE(blocks.deallocate(c, block + 16)); // within it
  EXPECT_FALSE(blocks.deallocate(c, block + 1));
  EXPECT_FALSE(blocks.deallocate(c, memory() + nursery::bytes));
  EXPECT_FALSE(blocks.deallocate(c, memory() - 16));
  EXPECT_FALSE(blocks.deallocate(c, nullptr));
  EXPECT_EQ(blocks.class_at(block), c);
  EXPECT_EQ(blocks.class_at(block + 16), size_class_count);
  EXPECT_FALSE(blocks.has_freed(block));
  ASSERT_TRUE(blocks.deallocate(c, block));
  EXPECT_FALSE(blocks.deallocate(c, block));
  EXPECT_TRUE(blocks.has_freed(block));
  EXPECT_FALSE(blocks.has_freed(block + 16)); // where none ever was
  EXPECT_EQ(blocks.class_at(block), size_class_count);
  EXPECT_TRUE(blocks.spans(memory()));
  EXPECT_TRUE(blocks.spans(memory() + nursery::bytes - 1));
  EXPECT_FALSE(blocks.spans(memory() + nursery::bytes));
  EXPECT_FALSE(blocks.spans(memory() - 1));
}

TEST_P(nursery_test, that_is_closed_goes_when_it_is_empty) {
  allocate(3);
  blocks.close();
  EXPECT_EQ(blocks.limit(), 0u);
  EXPECT_FALSE(blocks.is_idle());
  EXPECT_EQ(blocks.remove_if_empty(), nullptr);
  EXPECT_NE(allocate(4), nullptr); // for whom there is nothing else
  EXPECT_TRUE(deallocate(0));
  EXPECT_FALSE(blocks.is_idle());
  EXPECT_TRUE(deallocate(0));
  EXPECT_TRUE(blocks.is_idle());
  EXPECT_EQ(blocks.remove_if_empty(), memory());
  EXPECT_FALSE(blocks.is_idle());
  EXPECT_FALSE(blocks.wants_memory(0));
  EXPECT_EQ(blocks.allocate(0), nullptr);
  blocks.check_invariants();
}

INSTANTIATE_TEST_SUITE_P(at, nursery_test, ::testing::Values(0, 16, 32, 64, 112, 240));

TEST(nursery, without_memory_has_nothing) {
  nursery blocks(128);
  EXPECT_EQ(blocks.limit(), 0u);
  EXPECT_TRUE(blocks.wants_memory(size_class_of(128, 1)));
  EXPECT_FALSE(blocks.wants_memory(size_class_of(129, 1)));
  EXPECT_EQ(blocks.allocate(0), nullptr);
  EXPECT_EQ(blocks.allocate_above(0), nullptr);
  EXPECT_FALSE(blocks.spans(nullptr));
  EXPECT_FALSE(blocks.deallocate(0, nullptr));
  EXPECT_FALSE(nursery(0).wants_memory(0));
  blocks.check_invariants();
}

} // namespace
} // namespace quarry::detail
