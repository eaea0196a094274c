// The equations of size_class.hpp, for every size and every alignment.
#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

#include <quarry/size_class.hpp>

namespace {

using namespace quarry;

// ---- the proof: every size to the largest block, at every alignment
//
// By the compiler where that is g++ without AddressSanitizer: there it takes a few seconds, elsewhere half a
// minute.
//
// A request is known to size_class_of only by last_byte_of(bytes, alignment), its size rounded up to the
// alignment, less one. So all requests are covered by all values of `last` below the largest block; and with
// those of one `last` by the largest alignment that last + 1 is a multiple of, as smaller ones divide it.

constexpr bool blocks_ascend_to_the_largest() {
  for (size_class c = 1; c < size_class_count; ++c)
    if (block_size_of(c - 1) >= block_size_of(c)) return false;
  return block_size_of(0) == 8 && block_size_of(size_class_count - 1) == largest_block_size;
}
static_assert(blocks_ascend_to_the_largest());

// The class's block holds the request, the one before does not, and the alignment divides it.
constexpr bool is_served_by_the_least_block(std::size_t last, size_class c) {
  const std::size_t bytes = last + 1, alignment = bytes & (~bytes + 1);
  return size_class_of_last(last) == c && block_size_of(c) >= bytes &&
         (c == 0 || block_size_of(c - 1) < bytes) && block_size_of(c) % alignment == 0;
}

constexpr bool holds_between(std::size_t first, std::size_t end) {
  size_class c = 0;
  for (std::size_t last = first; last < end; ++last) {
    while (block_size_of(c) <= last) ++c;
    if (!is_served_by_the_least_block(last, c)) return false;
  }
  return true;
}

// last_byte_of rounds up: by parts, as it takes bits above and below the alignment separately. Sizes to 1024
// have every pattern of the bits below each alignment up to 1024; the next test goes on to the largest.
constexpr bool last_byte_is_of_the_rounded_size() {
  for (std::size_t alignment = 1; alignment <= 1024; alignment *= 2)
    for (std::size_t bytes = 1; bytes <= 1024; ++bytes)
      if (last_byte_of(bytes, alignment) + 1 != (bytes + alignment - 1) / alignment * alignment) return false;
  return true;
}

#if defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
// In pieces, each of which is within the steps that compilers allow for one constant.
constexpr std::size_t piece_bytes = 8192;
template <std::size_t... pieces>
constexpr bool holds_in_all(std::index_sequence<pieces...>) {
  return (std::bool_constant<holds_between(pieces * piece_bytes, (pieces + 1) * piece_bytes)>::value && ...);
}
static_assert(holds_in_all(std::make_index_sequence<largest_block_size / piece_bytes>()));
static_assert(last_byte_is_of_the_rounded_size());
#endif

TEST(size_class, is_the_least_that_holds_the_request) {
  EXPECT_TRUE(holds_between(0, largest_block_size));
  EXPECT_TRUE(last_byte_is_of_the_rounded_size());
}

TEST(size_class, is_of_the_size_rounded_up_to_the_alignment) {
  for (std::size_t alignment = 1; alignment <= largest_block_size; alignment *= 2)
    for (std::size_t bytes = 1; bytes <= largest_block_size; ++bytes) {
      const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
      ASSERT_EQ(size_class_of(bytes, alignment), size_class_of_last(rounded - 1))
          << bytes << " at " << alignment;
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
