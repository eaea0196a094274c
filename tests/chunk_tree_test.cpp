// Chunks in lists by their free bytes, while units are taken and come back.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <vector>

#include "chunk_lists.hpp"

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

TEST(chunk_lists, leads_from_list_to_list_by_free_bytes) {
  described empty(0), half(1), full(2);
  half.made().free_units = 0xFFFF;
  full.made().free_units = 0;
  chunk_lists lists;
  EXPECT_EQ(lists.any(), nullptr);
  EXPECT_EQ(lists.next(0), chunk_lists::count);
  for (described* each : {&empty, &half, &full}) lists.insert(each->made());
  const std::size_t of_full = lists.next(0), of_half = lists.next(of_full + 1);
  EXPECT_EQ(lists[of_full].lowest(), &full.made());
  EXPECT_EQ(lists[of_half].lowest(), &half.made());
  EXPECT_EQ(of_half, chunk_lists::list_for(16384));
  EXPECT_EQ(lists.next(of_half + 1), chunk_lists::empty_ones);
  EXPECT_EQ(lists[chunk_lists::empty_ones].lowest(), &empty.made());
}

TEST(chunk_lists, knows_after_each_of_many_changes_where_each_chunk_is) {
  std::vector<std::unique_ptr<described>> chunks;
  for (std::size_t i = 0; i < 40; ++i) chunks.push_back(std::make_unique<described>(i));
  std::vector<bool> is_in(chunks.size());
  chunk_lists lists;
  std::mt19937_64 random(1);
  for (int step = 0; step < 5000; ++step) {
    const std::size_t i = random() % chunks.size();
    chunk& c = chunks[i]->made();
    if (!is_in[i]) {
      lists.insert(c);
    } else if (random() % 4 == 0) {
      lists.erase(c);
    } else { // few units, many, or all
      c.free_units = random() % 4 == 0 ? c.all_units() : c.all_units() >> random() % 64;
      lists.relist(c);
      ASSERT_NO_THROW(lists.check_invariants());
      continue;
    }
    is_in[i] = !is_in[i];
    ASSERT_NO_THROW(lists.check_invariants());
    std::size_t count = 0;
    lists.for_each([&](const chunk& each) {
      ++count;
      EXPECT_TRUE(is_in[reinterpret_cast<std::uintptr_t>(each.base) / 65536 - 1]);
    });
    ASSERT_EQ(count, static_cast<std::size_t>(std::count(is_in.begin(), is_in.end(), true)));
  }
}

} // namespace
} // namespace quarry::detail
