// Blocks of all classes in a few pieces of memory (src/nursery.hpp), against a model of their bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "nursery.hpp"
#include "support/dice.hpp"

namespace quarry::detail {
namespace {

constexpr std::size_t unit = nursery_piece::unit_bytes, no_bound = SIZE_MAX;
constexpr size_class largest = size_class_of(nursery::largest_block, 1);

std::uintptr_t address_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

// Upstream aligns to 16 bytes: where larger powers of two lie differs.
class nursery_test : public ::testing::TestWithParam<std::size_t> {
protected:
  struct piece {
    explicit piece(std::size_t size) : bytes(size), storage(new std::byte[size + 512]) {}
    std::byte* at(std::size_t offset) const {
      return storage.get() + (-address_of(storage.get()) % 256 + offset);
    }
    std::size_t bytes;
    std::unique_ptr<std::byte[]> storage;
  };
  struct taken {
    std::byte* address;
    size_class c;
  };

  std::byte* memory(std::size_t i) const { return pieces[i].at(GetParam()); }
  void grow(size_class c) {
    pieces.emplace_back(blocks.wanted_bytes(c));
    blocks.add(memory(pieces.size() - 1), pieces.back().bytes);
    blocks.check_invariants();
  }
  std::byte* try_to_allocate(size_class c) {
    auto* const block = static_cast<std::byte*>(blocks.allocate(c));
    blocks.check_invariants();
    if (block != nullptr) live.push_back({block, c});
    return block;
  }
  // With more memory when that is wanted.
  std::byte* allocate(size_class c) {
    if (std::byte* const block = try_to_allocate(c)) return block;
    if (blocks.wanted_bytes(c) == 0) return nullptr;
    grow(c);
    return try_to_allocate(c);
  }
  bool deallocate(std::size_t i) {
    const taken was = live[i];
    live.erase(live.begin() + static_cast<std::ptrdiff_t>(i));
    const bool done = blocks.deallocate(was.c, was.address);
    blocks.check_invariants();
    return done;
  }
  bool lies_in_a_piece(const taken& t) const {
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (t.address >= memory(i) && t.address + block_sizes[t.c] <= memory(i) + pieces[i].bytes) return true;
    return false;
  }
  bool is_apart(std::size_t i) const { // from all others
    const taken& t = live[i];
    return std::none_of(live.begin(), live.end(), [&](const taken& each) {
      return &each != &t && each.address < t.address + block_sizes[t.c] &&
             t.address < each.address + block_sizes[each.c];
    });
  }

  std::vector<piece> pieces;
  nursery blocks{32768, no_bound};
  std::vector<taken> live;
};

TEST_P(nursery_test, serves_every_class_aligned_and_apart) {
  test::dice dice(GetParam() + 1);
  for (int step = 0; step < 6000; ++step) {
    const std::size_t frees = step % 3000 < 1500 ? 20 : 75; // of a hundred steps
    if (!live.empty() && dice.below(100) < frees) {
      ASSERT_TRUE(deallocate(dice.below(live.size())));
      continue;
    }
    const size_class c = dice.below(dice.below(4) != 0 ? 12 : largest + 1);
    const std::byte* const block = allocate(c);
    if (block == nullptr) continue;
    ASSERT_EQ(address_of(block) % natural_alignment_of(c), 0u);
    ASSERT_TRUE(lies_in_a_piece(live.back()));
    ASSERT_TRUE(is_apart(live.size() - 1)) << "of " << block_sizes[c] << " at step " << step;
  }
  EXPECT_EQ(blocks.limit(), 0u) << "else not all of it was tried";
}

TEST_P(nursery_test, uses_a_piece_to_the_last_unit_before_it_wants_another) {
  grow(0);
  for (std::size_t i = 0; i < nursery::first_units; ++i) EXPECT_NE(try_to_allocate(1), nullptr);
  EXPECT_EQ(try_to_allocate(0), nullptr);
  EXPECT_GT(blocks.wanted_bytes(0), pieces[0].bytes);
}

TEST_P(nursery_test, uses_holes_again_once_half_of_a_piece_is_free) {
  grow(0);
  while (try_to_allocate(1) != nullptr) {
  }
  for (std::size_t i = 0; i < nursery::first_units / 2; ++i) EXPECT_TRUE(deallocate(i)); // every second one
  for (std::size_t i = 0; i < nursery::first_units / 2; ++i) EXPECT_NE(try_to_allocate(0), nullptr);
  EXPECT_EQ(try_to_allocate(0), nullptr);
}

// For whom there is no other memory.
TEST_P(nursery_test, has_one_hole_of_many_pieces) {
  while (allocate(20) != nullptr) {
  }
  for (const std::size_t i : {live.size() / 2, std::size_t{3}}) {
    const void* const hole = live[i].address;
    EXPECT_TRUE(deallocate(i));
    EXPECT_EQ(blocks.allocate_in_any_hole(20), hole);
    blocks.check_invariants();
    EXPECT_EQ(blocks.allocate_in_any_hole(20), nullptr);
  }
  EXPECT_EQ(blocks.allocate_in_any_hole(largest + 1), nullptr);
}

// However many come and go, and in whatever order.
TEST_P(nursery_test, needs_one_piece_for_a_few) {
  test::dice dice(GetParam() + 7);
  for (int i = 0; i < 2000; ++i) {
    ASSERT_NE(allocate(dice.below(8)), nullptr);
    if (live.size() > 4) {
      EXPECT_TRUE(deallocate(dice.below(live.size())));
    }
  }
  EXPECT_EQ(pieces.size(), 1u);
}

TEST_P(nursery_test, grows_twofold_up_to_a_bound) {
  while (allocate(20) != nullptr) {
  }
  ASSERT_EQ(pieces.size(), nursery::most_pieces);
  EXPECT_EQ(pieces[0].bytes, 1024u);
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    EXPECT_GT(pieces[i].bytes, pieces[i - 1].bytes * 15 / 8);
    EXPECT_LE(pieces[i].bytes, pieces[i - 1].bytes * 2);
  }
  EXPECT_EQ(blocks.limit(), 0u);
  EXPECT_EQ(blocks.wanted_bytes(0), 0u);
}

TEST_P(nursery_test, has_its_first_memory_large_enough_for_what_is_asked) {
  EXPECT_NE(allocate(largest), nullptr);
  EXPECT_NE(allocate(largest), nullptr) << "however it is aligned";
  EXPECT_EQ(pieces.size(), 1u);
  EXPECT_EQ(blocks.allocate(largest + 1), nullptr);
  EXPECT_EQ(blocks.wanted_bytes(largest + 1), 0u);
}

TEST_P(nursery_test, knows_what_it_has) {
  const size_class c = size_class_of(40, 8);
  std::byte* const block = allocate(c);
  EXPECT_FALSE(blocks.deallocate(c + 1, block));
  EXPECT_FALSE(blocks.deallocate(c, block + unit)); // within it
  EXPECT_FALSE(blocks.deallocate(c, block + 1));
  EXPECT_FALSE(blocks.deallocate(c, memory(0) + pieces[0].bytes));
  EXPECT_FALSE(blocks.deallocate(c, memory(0)));
  EXPECT_FALSE(blocks.deallocate(c, memory(0) - unit));
  EXPECT_FALSE(blocks.deallocate(c, nullptr));
  EXPECT_EQ(blocks.class_at(block), c);
  EXPECT_EQ(blocks.class_at(block + unit), size_class_count);
  EXPECT_FALSE(blocks.has_freed(block));
  ASSERT_TRUE(blocks.deallocate(c, block));
  EXPECT_FALSE(blocks.deallocate(c, block));
  EXPECT_TRUE(blocks.has_freed(block));
  EXPECT_FALSE(blocks.has_freed(block + unit)); // where none ever was
  EXPECT_EQ(blocks.class_at(block), size_class_count);
  EXPECT_TRUE(blocks.spans(block));
  EXPECT_TRUE(blocks.spans(memory(0) + pieces[0].bytes - 1));
  EXPECT_FALSE(blocks.spans(memory(0) + pieces[0].bytes));
  EXPECT_FALSE(blocks.spans(memory(0) - 1));
}

TEST_P(nursery_test, frees_in_the_window_s_piece_as_anywhere) {
  const std::byte* const block = allocate(3);
  EXPECT_FALSE(blocks.deallocate_near_window(4, block));
  EXPECT_FALSE(blocks.deallocate_near_window(3, nullptr));
  EXPECT_TRUE(blocks.deallocate_near_window(3, block));
  EXPECT_FALSE(blocks.deallocate_near_window(3, block));
  EXPECT_TRUE(blocks.has_freed(block));
  blocks.check_invariants();
}

TEST_P(nursery_test, gives_the_pieces_that_are_empty) {
  while (pieces.size() < 3) allocate(20);
  const std::byte* const stays = memory(1);
  for (std::size_t i = live.size(); i-- > 0;)
    if (live[i].address < stays || live[i].address >= stays + pieces[1].bytes) {
      EXPECT_TRUE(deallocate(i));
    }
  EXPECT_EQ(blocks.remove_empty(pieces[0].bytes + pieces[2].bytes).count, 0u);
  const nursery::pieces_of_memory empty = blocks.remove_empty(0);
  blocks.check_invariants();
  ASSERT_EQ(empty.count, 2u);
  EXPECT_EQ(empty.pieces[0].begin, memory(2));
  EXPECT_EQ(empty.pieces[0].bytes, pieces[2].bytes);
  EXPECT_EQ(empty.pieces[1].begin, memory(0));
  EXPECT_FALSE(blocks.spans(memory(2) + pieces[2].bytes - 1));
  EXPECT_EQ(blocks.wanted_bytes(0), pieces[2].bytes);
  EXPECT_EQ(blocks.remove().count, 1u);
  EXPECT_EQ(blocks.wanted_bytes(0), pieces[0].bytes);
  blocks.check_invariants();
}

TEST_P(nursery_test, that_has_no_room_and_never_will_is_idle_when_a_piece_is_empty) {
  while (allocate(20) != nullptr) {
  }
  EXPECT_FALSE(blocks.is_idle());
  while (!live.empty() && !blocks.is_idle()) EXPECT_TRUE(deallocate(0)); // the oldest first
  EXPECT_FALSE(live.empty());
  EXPECT_EQ(blocks.remove_empty(0).count, 1u);
  EXPECT_FALSE(blocks.is_idle());
  EXPECT_EQ(blocks.wanted_bytes(0), 0u);
}

TEST_P(nursery_test, that_is_closed_with_an_empty_piece_is_idle) {
  allocate(3);
  EXPECT_TRUE(deallocate(0));
  EXPECT_FALSE(blocks.is_idle());
  blocks.close();
  blocks.check_invariants();
  EXPECT_TRUE(blocks.is_idle());
  EXPECT_NE(blocks.allocate(3), nullptr) << "it serves whom it can";
  EXPECT_EQ(blocks.wanted_bytes(3), 0u);
}

// Of each class at each unit.
TEST_P(nursery_test, never_starts_more_blocks_in_a_piece_than_it_may) {
  constexpr std::size_t most = 2 * nursery::first_units;
  nursery bounded(32768, most);
  std::set<std::pair<void*, size_class>> started;
  piece first(bounded.wanted_bytes(0));
  bounded.add(first.at(GetParam()), first.bytes);
  for (size_class c = 0; c < 20; ++c)
    for (int i = 0; i < 50; ++i)
      if (void* const block = bounded.allocate(c)) {
        started.emplace(block, c);
        EXPECT_TRUE(bounded.deallocate(c, block));
        bounded.check_invariants();
      }
  EXPECT_LE(started.size(), most);
  EXPECT_GT(started.size(), most / 4);
}

INSTANTIATE_TEST_SUITE_P(at, nursery_test, ::testing::Values(0, 16, 32, 64, 112, 240));

TEST(nursery, without_memory_has_nothing) {
  nursery blocks(128, no_bound);
  EXPECT_EQ(blocks.limit(), 0u);
  EXPECT_NE(blocks.wanted_bytes(size_class_of(128, 1)), 0u);
  EXPECT_EQ(blocks.wanted_bytes(size_class_of(129, 1)), 0u);
  EXPECT_EQ(blocks.allocate(0), nullptr);
  EXPECT_EQ(blocks.allocate_in_window(0), nullptr);
  EXPECT_FALSE(blocks.spans(nullptr));
  EXPECT_FALSE(blocks.deallocate(0, nullptr));
  EXPECT_FALSE(blocks.deallocate_near_window(0, nullptr));
  EXPECT_EQ(nursery(0, no_bound).wanted_bytes(0), 0u);
  EXPECT_EQ(nursery(128, nursery::first_units - 1).wanted_bytes(0), 0u);
  blocks.check_invariants();
}

} // namespace
} // namespace quarry::detail
