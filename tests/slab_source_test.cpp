// Where a slab is cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory_resource>

#include "poison.hpp"
#include "slab_source.hpp"

namespace quarry::detail {
namespace {

// Gives chunks that start at multiples of 64 KiB.
class aligning_resource final : public std::pmr::memory_resource {
  static std::size_t more(std::size_t bytes, std::size_t alignment) {
    return bytes < chunk::packed_bytes ? alignment : std::max<std::size_t>(alignment, 65536);
  }
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, more(bytes, alignment));
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, more(bytes, alignment));
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

// Two chunks of 63 KiB, each full of seven slabs of 8 KiB and one of 7.
class slab_source_holes : public ::testing::Test {
protected:
  static constexpr size_class c = size_class_of(512, 1);
  static constexpr std::size_t class_bytes = 6 * 8192; // a sixth makes a slab

  slab_source_holes() {
    usage_.add(std::size_t{1} << 20); // in a small pool it would be a half
    for (std::size_t i = 0; i < slabs_.size(); ++i) {
      slabs_[i] = &source_.take(c, class_bytes);
      EXPECT_EQ(source_.bytes_of(*slabs_[i]), i % 8 == 7 ? 7168 : 8192);
    }
    std::sort(slabs_.begin(), slabs_.end(), [](slab* a, slab* b) { return a->base < b->base; });
    EXPECT_EQ(&source_.chunk_of(*slabs_[0]), &source_.chunk_of(*slabs_[7]));
    EXPECT_EQ(source_.chunk_count(), 2);
  }
  ~slab_source_holes() override {
    auto all = source_.remove_all();
    source_.give_back(all);
  }

  /// Gives a slab back and says where it was.
  const std::byte* give(std::size_t i) {
    const std::byte* const base = slabs_[i]->base;
    slabs_[i]->left = nullptr;
    source_.give(slabs_[i]);
    return base;
  }
  const std::byte* take() { return source_.take(c, class_bytes).base; }

  aligning_resource aligning_;
  upstream up_{&aligning_, false};
  usage usage_{false};
  slab_source source_{up_, usage_, {.first_chunk = 65536}, false};
  std::array<slab*, 16> slabs_{};
};

TEST_F(slab_source_holes, the_smallest_of_a_chunk_is_filled_first) {
  const std::byte* const large = give(1);
  give(2);
  const std::byte* const small = give(5);
  EXPECT_EQ(take(), small);
  EXPECT_EQ(take(), large);
  EXPECT_NO_THROW(source_.check_invariants());
}

TEST_F(slab_source_holes, the_smallest_of_chunks_with_as_much_free_is_filled_first) {
  give(1);
  give(2);
  const std::byte* const first = give(9);
  const std::byte* const second = give(13);
  EXPECT_EQ(take(), first);
  EXPECT_EQ(take(), second);
  EXPECT_NO_THROW(source_.check_invariants());
}

TEST_F(slab_source_holes, a_large_slab_finds_the_hole_that_small_ones_left) {
  const std::byte* const large = give(2); // at a multiple of 16 KiB
  give(3);
  give(9);
  give(13);
  take();
  take();
  const slab& s = source_.take(size_class_of(16384, 1), 16384);
  EXPECT_EQ(s.base, large);
  EXPECT_EQ(source_.chunk_count(), 2);
}

TEST_F(slab_source_holes, the_lowest_chunk_serves_who_wants_to_be_low_however_full_it_is) {
  const std::byte* const low = give(1);
  give(9);
  give(13); // the high chunk has more free
  const slab* const taken = source_.take_below(nullptr, c, class_bytes);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->base, low);
  EXPECT_EQ(source_.take_below(slabs_[0], c, class_bytes), nullptr) << "no lower chunk has room";
}

TEST_F(slab_source_holes, addresses_that_no_chunk_has_lead_to_no_slab) {
  for (std::uintptr_t address = 0; address < 3 * granule; address += 256)
    EXPECT_EQ(source_.find(reinterpret_cast<const void*>(address)), nullptr);
  for (const slab* s : slabs_) EXPECT_EQ(source_.find(s->base + 7167), s);
}

// ---- how long a slab is

// What is free among large blocks is much, so that only where there are many a slab has several.
TEST_F(slab_source_holes, large_blocks_have_a_slab_each_until_there_are_many) {
  constexpr size_class large = size_class_of(4096, 1);
  const auto blocks_of_a_slab = [&](std::size_t there) {
    return source_.take(large, there * 4096).blocks + 0;
  };
  EXPECT_EQ(blocks_of_a_slab(0), 1);
  EXPECT_EQ(blocks_of_a_slab(63), 1);
  EXPECT_EQ(blocks_of_a_slab(64), 2);
  EXPECT_EQ(blocks_of_a_slab(1000), 4);
  EXPECT_NO_THROW(source_.check_invariants());
}

TEST(slab_source, makes_chunks_no_larger_than_the_blocks_they_may_have) {
  upstream up{std::pmr::new_delete_resource(), false};
  usage use{false};
  slab_source source(up, use, {.blocks_per_chunk = 2}, false);
  const slab& s = source.take(size_class_of(4096, 1), 1000 * 4096);
  EXPECT_EQ(s.blocks + 0, 2);
  EXPECT_EQ(source.chunk_of(s).bytes, 8192u);
  auto all = source.remove_all();
  source.give_back(all);
}

TEST(slab_length, is_in_the_tables_what_it_is_when_searched_for) {
  for (size_class c = 0; c < size_class_count; ++c)
    for (std::size_t most = 0; most <= 64; ++most) {
      const std::size_t best = best_units(block_sizes[c], 10, 1, most);
      ASSERT_EQ(lengths_of_slabs[c].best[most], best);
      ASSERT_LE(best, most);
      if (best != 0) {
        ASSERT_GE(best * kib, block_sizes[c]);
      }
    }
}

TEST(slab_length, that_will_do_wastes_no_more_than_the_best) {
  for (size_class c = 0; block_sizes[c] <= largest_small_slab; ++c) {
    const slab_wish w{c, largest_small_slab, block_sizes[c], true};
    for (std::size_t room = kib; room <= largest_small_slab; room += kib) {
      const std::size_t length = w.length_within(room);
      ASSERT_LE(length, room);
      ASSERT_EQ(length == 0, room < block_sizes[c]);
      if (length == 0) continue;
      const std::size_t least = w.least_within(length);
      ASSERT_TRUE(block_sizes[c] <= least && least <= length);
      ASSERT_EQ(w.is_thrifty(length), wastes_little(length, block_sizes[c]));
      if (w.is_thrifty(length)) {
        ASSERT_TRUE(w.is_thrifty(least));
      }
    }
  }
}

TEST(slab_length, is_longer_than_the_share_where_that_wastes_less) {
  EXPECT_EQ(with_little_waste(256, size_class_of(96, 1)), 256u) << "in small chunks as it is";
  EXPECT_EQ(with_little_waste(1024, size_class_of(1024, 1)), 1024u) << "nothing to be saved";
  EXPECT_EQ(with_little_waste(1024, size_class_of(1152, 1)), 4096u) << "three blocks; in 2 KiB would be one";
  EXPECT_EQ(with_little_waste(4096, size_class_of(1152, 1)), 8192u) << "seven of them";
  EXPECT_EQ(with_little_waste(8192, size_class_of(1152, 1)), 9216u) << "eight, and nothing left";
}

TEST(slab_length, wastes_less_than_any_other_above_the_share) {
  for (size_class c = 0; block_sizes[c] < kib * 2; ++c)
    for (std::size_t share = 1; share <= 64; share *= 2) {
      const std::size_t block = block_sizes[c];
      const auto wasted = [&](std::size_t length) { // of what a class has that has six times its share
        const double slabs = 6.0 * double(share) / double(length);
        return slabs * double(length * kib % block + 64) + double(length) * kib / 2;
      };
      const std::size_t wished = with_little_waste(share * kib, c) / kib;
      for (std::size_t length = share; length * kib <= std::min<std::size_t>(65536, 256 * block); ++length) {
        if (length * kib >= block) {
          ASSERT_LE(wasted(wished), wasted(length) + 1) << block << " in " << length << ", not " << wished;
        }
      }
    }
}

} // namespace
} // namespace quarry::detail
