// Chunks by address and by room, while units are taken and come back.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

#include "chunk_tree.hpp"

namespace quarry::detail {
namespace {

// A descriptor with slots for a chunk of 64 KiB, which is an address and no more.
struct described {
  explicit described(std::size_t number) {
    made().reset(reinterpret_cast<std::byte*>((number + 1) * 65536), 65536, slab::no_class);
  }
  chunk& made() noexcept { return *reinterpret_cast<chunk*>(memory.data()); }
  alignas(chunk) std::array<std::byte, chunk::descriptor_bytes(65536)> memory{};
};

// The length of the longest run, bit by bit.
std::size_t longest_of(std::uint64_t bits) {
  std::size_t longest = 0, length = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    length = (bits >> i & 1) != 0 ? length + 1 : 0;
    longest = std::max(longest, length);
  }
  return longest;
}

TEST(chunk_room, is_of_a_kind_that_says_no_more_than_there_is) {
  constexpr std::size_t last = std::size_t{1} << 20;
  for (std::size_t bytes = 64; bytes <= 2 * last; bytes += 64) {
    const std::size_t in_use = room_in_use_for(bytes), empty = empty_room_for(bytes);
    ASSERT_LT(in_use, room_kinds_in_use);
    ASSERT_TRUE(room_kinds_in_use <= empty && empty < room_kinds);
    ASSERT_GE(room_in_use_for(bytes + 64), in_use);
    ASSERT_GE(empty_room_for(bytes + 64), empty);
    if (bytes >= last) continue; // of the last kinds it is not known
    ASSERT_LE(longest_in(std::uint64_t{1} << in_use), bytes);
    ASSERT_LE(longest_in(std::uint64_t{1} << empty), bytes);
    if (std::has_single_bit(bytes)) {
      ASSERT_EQ(longest_in(std::uint64_t{1} << empty), bytes);
    }
    if (bytes % 1024 == 0 && bytes <= 32768) {
      ASSERT_EQ(longest_in(std::uint64_t{1} << in_use), bytes);
    }
  }
  EXPECT_EQ(longest_in(0), 0u);
  EXPECT_EQ(longest_in(1), 0u) << "a full chunk has no room";
  EXPECT_EQ(rooms_in_use_from(8) & 1, 0u) << "nor for a small slab";
}

TEST(chunk, knows_its_longest_free_run) {
  described one(0);
  chunk& c = one.made();
  std::mt19937_64 random(1);
  std::vector<std::pair<std::size_t, std::size_t>> taken;
  for (int step = 0; step < 20000; ++step) {
    const std::size_t first = random() % 64, count = 1 + random() % std::min<std::size_t>(64 - first, 20);
    if ((~c.free_units & chunk::bits_of(first, count)) == 0) {
      c.take_units(first, count);
      taken.emplace_back(first, count);
    } else if (!taken.empty()) {
      std::swap(taken[random() % taken.size()], taken.back());
      c.give_units(taken.back().first, taken.back().second);
      taken.pop_back();
    }
    ASSERT_EQ(c.longest, longest_of(c.free_units));
    ASSERT_EQ(c.empty(), taken.empty());
  }
}

TEST(chunk_tree, leads_to_the_lowest_chunk_of_each_kind) {
  described empty(0), half(1), full(2), other_half(3);
  half.made().take_units(16, 48);
  other_half.made().take_units(0, 48);
  full.made().take_units(0, 64);
  chunk_tree tree;
  EXPECT_EQ(tree.rooms(), 0u);
  EXPECT_EQ(tree.first(all_rooms), nullptr);
  EXPECT_EQ(tree.last(all_rooms), nullptr);
  for (described* each : {&other_half, &empty, &half, &full}) tree.insert(each->made());
  EXPECT_EQ(longest_in(tree.rooms() & rooms_in_use), 16384u);
  EXPECT_EQ(longest_in(tree.rooms() & empty_rooms), 65536u);
  const std::uint64_t of_halves = std::uint64_t{1} << room_in_use_for(16384);
  EXPECT_EQ(tree.first(of_halves), &half.made());
  EXPECT_EQ(chunk_tree::next(half.made(), of_halves), &other_half.made());
  EXPECT_EQ(chunk_tree::next(other_half.made(), of_halves), nullptr);
  EXPECT_EQ(tree.first(empty_rooms), &empty.made());
  EXPECT_EQ(tree.last(empty_rooms), &empty.made());
  EXPECT_EQ(tree.last(rooms_in_use), &other_half.made());
  EXPECT_EQ(tree.first(1), &full.made());
}

TEST(chunk_tree, knows_after_each_of_many_changes_where_each_chunk_is) {
  std::vector<std::unique_ptr<described>> chunks;
  for (std::size_t i = 0; i < 40; ++i) chunks.push_back(std::make_unique<described>(i));
  std::vector<bool> is_in(chunks.size());
  chunk_tree tree;
  std::mt19937_64 random(1);
  for (int step = 0; step < 5000; ++step) {
    const std::size_t i = random() % chunks.size();
    chunk& c = chunks[i]->made();
    if (!is_in[i]) {
      tree.insert(c);
    } else if (random() % 4 == 0) {
      tree.erase(c);
    } else { // few units, many, or all
      c.give_units(0, 64);
      if (const std::size_t units = random() % 65; units != 0) c.take_units(random() % (65 - units), units);
      tree.update(c);
      ASSERT_NO_THROW(tree.check_invariants());
      continue;
    }
    is_in[i] = !is_in[i];
    ASSERT_NO_THROW(tree.check_invariants());
    const std::uint64_t rooms = random();
    std::vector<const chunk*> expected, found;
    for (std::size_t k = 0; k < chunks.size(); ++k)
      if (is_in[k] && (rooms >> chunks[k]->made().room & 1) != 0) expected.push_back(&chunks[k]->made());
    for (const chunk* each = tree.first(rooms); each != nullptr; each = chunk_tree::next(*each, rooms))
      found.push_back(each);
    ASSERT_EQ(found, expected);
    ASSERT_EQ(tree.last(rooms), expected.empty() ? nullptr : expected.back());
    std::size_t count = 0;
    tree.for_each([&](const chunk&) { ++count; });
    ASSERT_EQ(count, static_cast<std::size_t>(std::count(is_in.begin(), is_in.end(), true)));
  }
}

} // namespace
} // namespace quarry::detail
