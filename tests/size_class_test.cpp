// The equations of size_class.hpp, for every size and every alignment.
#include <gtest/gtest.h>

#include <quarry/size_class.hpp>

namespace {

using namespace quarry;

// The least block that is large enough and a multiple of the alignment, found by looking at all of them.
size_class by_search(std::size_t bytes, std::size_t alignment) {
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  size_class c = 0;
  while (block_size_of(c) < rounded) ++c;
  return c;
}

constexpr bool blocks_ascend_to_the_largest() {
  for (size_class c = 1; c < size_class_count; ++c)
    if (block_size_of(c - 1) >= block_size_of(c)) return false;
  return block_size_of(0) == 8 && block_size_of(size_class_count - 1) == largest_block_size;
}
static_assert(blocks_ascend_to_the_largest());

// A class is asked for by its own size, and the next byte belongs to the next class.
constexpr bool every_boundary_is_exact() {
  for (size_class c = 0; c < size_class_count; ++c) {
    if (size_class_of(block_size_of(c), 1) != c) return false;
    if (c + 1 < size_class_count && size_class_of(block_size_of(c) + 1, 1) != c + 1) return false;
  }
  return true;
}
static_assert(every_boundary_is_exact());

// The class depends on the rounded size only through last_byte_of, so multiples of the alignment are all
// there is to try.
constexpr bool every_block_is_a_multiple_of_the_alignment() {
  for (std::size_t alignment = 1; alignment <= largest_block_size; alignment *= 2)
    for (size_class c = 0; c < size_class_count; ++c) {
      if (block_size_of(c) % alignment != 0) continue;
      const std::size_t before = block_size_of(c) - alignment;
      if (size_class_of(before + 1, alignment) > c) return false;
    }
  return true;
}
static_assert(every_block_is_a_multiple_of_the_alignment());

TEST(size_class, is_the_least_that_fits_every_size_and_alignment) {
  for (std::size_t alignment = 1; alignment <= largest_block_size; alignment *= 2)
    for (std::size_t bytes = 1; bytes <= largest_block_size; bytes += bytes < 65536 ? 1 : 37) {
      const size_class c = size_class_of(bytes, alignment);
      ASSERT_EQ(c, by_search(bytes, alignment)) << bytes << " at " << alignment;
      ASSERT_EQ(block_size_of(c) % alignment, 0u) << bytes << " at " << alignment;
    }
}

TEST(size_class, wastes_at_most_a_ninth_above_128_bytes) {
  for (std::size_t bytes = 129; bytes <= largest_block_size; ++bytes) {
    const std::size_t block = block_size_of(size_class_of(bytes, 1));
    ASSERT_LT((block - bytes) * 9, block) << bytes;
  }
}

TEST(size_class, reciprocals_divide_exactly) {
  for (size_class c = 0; c < size_class_count; ++c)
    for (std::size_t offset = 0; offset < (std::size_t{1} << 24); offset += offset < 70000 ? 1 : 8191)
      ASSERT_EQ((offset * detail::block_reciprocals[c]) >> 40, offset / detail::block_sizes[c])
          << c << ' ' << offset;
}

TEST(size_class, nothing_and_too_much_lie_beyond_the_largest) {
  EXPECT_GE(last_byte_of(0, 1), largest_block_size);
  EXPECT_GE(last_byte_of(0, 4096), largest_block_size);
  EXPECT_GE(last_byte_of(static_cast<std::size_t>(-1), 16), largest_block_size);
}

} // namespace
