// From an address to its slab (src/slab_map.hpp), also while chunks come and go.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "bits.hpp"
#include "slab_map.hpp"
#include "support/dice.hpp"
#include "support/ledger_resource.hpp"
#include "support/sanitizers.hpp"

namespace quarry::detail {
namespace {

// A chunk with a slab in all of its units; its memory is never touched.
class mapped_chunk {
public:
  mapped_chunk(std::uintptr_t address, std::size_t bytes)
      : memory_(chunk::descriptor_bytes(bytes) + alignof(chunk)) {
    void* place = memory_.data();
    std::size_t space = memory_.size();
    std::align(alignof(chunk), chunk::descriptor_bytes(bytes), place, space);
    chunk_ = ::new (place) chunk;
    chunk_->reset(reinterpret_cast<std::byte*>(address), static_cast<std::uint32_t>(bytes), slab::no_class);
    chunk_->mark(0, chunk_->units(), &slab_);
  }
  mapped_chunk(const mapped_chunk&) = delete;
  mapped_chunk& operator=(const mapped_chunk&) = delete;

  chunk& get() { return *chunk_; }
  const slab* its_slab() const { return &slab_; }

private:
  std::vector<std::byte> memory_;
  slab slab_{};
  chunk* chunk_;
};

const void* at(std::uintptr_t address) { return reinterpret_cast<const void*>(address); }

class slab_map_test : public ::testing::Test {
protected:
  void insert(mapped_chunk& c) {
    const std::size_t granules = slab_map::most_granules_of(c.get().bytes);
    while (!map.promise(granules)) map.grow(up, granules, true, [](auto move) { move(); });
    map.insert(c.get());
  }
  void TearDown() override {
    map.give_back(up, map.remove_all());
    EXPECT_TRUE(ledger.clean());
  }

  test::ledger_resource ledger;
  upstream up{&ledger, false};
  slab_map map;
};

// So that searches stay short.
TEST_F(slab_map_test, is_at_most_half_full) {
  for (std::size_t granules = 1; granules <= 1000; ++granules) {
    while (!map.promise(1)) map.grow(up, 1, false, [](auto move) { move(); });
    if (ledger.held() != 0) { // the first table lies in the map
      EXPECT_GE(ledger.held() / sizeof(slab_map::entry), 2 * granules);
    }
  }
  EXPECT_NE(ledger.held(), 0U);
  map.break_promise(1000);
}

// Also where a chunk lies in one granule more than its bytes would fill.
TEST_F(slab_map_test, is_at_most_half_full_of_packed_chunks) {
  std::deque<mapped_chunk> chunks;
  for (std::uintptr_t i = 1; i <= 300; ++i) {
    const std::uintptr_t base = (std::uintptr_t{1} << 32) + i * 4 * granule + granule - 1024;
    const std::size_t most = slab_map::most_granules_of(chunk::packed_bytes);
    while (!map.promise(most)) map.grow(up, most, false, [](auto move) { move(); });
    map.insert(chunks.emplace_back(base, chunk::packed_bytes).get());
    constexpr std::size_t first_table = 8; // which lies in the map
    EXPECT_GE(std::max(ledger.held() / sizeof(slab_map::entry), first_table), 2 * 3 * i) << i;
  }
}

TEST_F(slab_map_test, finds_each_byte_of_a_chunk_and_none_beside) {
  for (const std::size_t bytes :
       {std::size_t{512}, std::size_t{8192}, granule / 2, granule, 4 * granule, 64 * granule}) {
    const std::uintptr_t base = std::uintptr_t{1} << 32;
    mapped_chunk c(base, bytes);
    insert(c);
    for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, bytes / 2, bytes - 1}) {
      EXPECT_EQ(map.find(at(base + offset)), c.its_slab()) << bytes << ' ' << offset;
      EXPECT_EQ(&map.chunk_of(at(base + offset)), &c.get()) << bytes << ' ' << offset;
    }
    for (const std::uintptr_t beside : {base - 1, base + bytes, base + (std::uintptr_t{1} << 40)})
      EXPECT_EQ(map.find(at(beside)), nullptr) << bytes;
    map.erase(c.get());
    EXPECT_EQ(map.find(at(base)), nullptr) << bytes;
  }
}

TEST_F(slab_map_test, tells_small_chunks_of_one_granule_apart) {
  std::deque<mapped_chunk> chunks;
  const std::uintptr_t base = std::uintptr_t{1} << 32;
  for (std::size_t i = 0; i < granule / 1024; ++i) insert(chunks.emplace_back(base + i * 1024, 1024));
  for (std::size_t i = 0; i < chunks.size(); i += 2) map.erase(chunks[i].get());
  for (std::size_t i = 0; i < chunks.size(); ++i)
    EXPECT_EQ(map.find(at(base + i * 1024 + 1000)), i % 2 == 0 ? nullptr : chunks[i].its_slab()) << i;
}

// Each shares its first granule with the one before, and its last one with the next.
TEST_F(slab_map_test, tells_packed_chunks_that_lie_side_by_side_apart) {
  const std::uintptr_t begin = std::uintptr_t{1} << 32;
  for (std::uintptr_t phase = 0; phase < granule / 1024; ++phase) {
    const auto base = [&](std::size_t i) { return begin + phase * 1024 + i * chunk::packed_instead_of; };
    std::deque<mapped_chunk> chunks;
    for (std::size_t i = 0; i < 7; ++i) insert(chunks.emplace_back(base(i), chunk::packed_bytes));
    for (std::size_t i = 0; i < chunks.size(); i += 3) map.erase(chunks[i].get());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const bool there = i % 3 != 0;
      for (std::uintptr_t at_kib = 0; at_kib < 63; ++at_kib) {
        const void* const inside = at(base(i) + at_kib * 1024 + 1023);
        ASSERT_EQ(map.find(inside), there ? chunks[i].its_slab() : nullptr)
            << phase << ' ' << i << ' ' << at_kib;
        if (there) {
          ASSERT_EQ(&map.chunk_of(inside), &chunks[i].get());
        }
      }
      EXPECT_EQ(map.find(at(base(i) + chunk::packed_bytes)), nullptr);
      EXPECT_EQ(map.find(at(base(i) - 1)), nullptr);
    }
    for (std::size_t i = 0; i < chunks.size(); ++i)
      if (i % 3 != 0) map.erase(chunks[i].get());
  }
}

TEST_F(slab_map_test, holds_what_came_and_did_not_go) {
  test::dice d(1);
  std::map<std::uintptr_t, std::unique_ptr<mapped_chunk>> there;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t bytes = std::size_t{512} << d.below(9);
    const std::uintptr_t base = (std::uintptr_t{1} << 32) + d.below(500) * (std::uintptr_t{1} << 17);
    if (const auto found = there.find(base); found != there.end()) {
      map.erase(found->second->get());
      there.erase(found);
    } else {
      insert(*there.emplace(base, std::make_unique<mapped_chunk>(base, bytes)).first->second);
    }
    const std::uintptr_t asked = (std::uintptr_t{1} << 32) + d.below(500) * (std::uintptr_t{1} << 17);
    const auto found = there.find(asked);
    ASSERT_EQ(map.find(at(asked)), found == there.end() ? nullptr : found->second->its_slab()) << i;
  }
}

// The entry before a block's, in which a small chunk of the same granule lies and then a large one elsewhere:
// who reads half of it before and half of it after must not be led there.
TEST_F(slab_map_test, leads_to_the_slab_of_a_live_block_whatever_happens_beside_it) {
  const auto shares_its_first_entry = [](std::uintptr_t granule_number) { // see slab_map::start_of
    return (scrambled(granule_number) >> 32 & 7) == 2;
  };
  std::uintptr_t here = 0x100000, elsewhere = 0x200000;
  while (!shares_its_first_entry(here)) ++here;
  while (!shares_its_first_entry(elsewhere)) ++elsewhere;
  mapped_chunk first(here * granule, 2048), live(here * granule + 2048, 2048),
      large(elsewhere * granule, granule);
  insert(first);
  insert(live);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      map.erase(first.get());
      insert(large);
      map.erase(large.get());
      insert(first);
    }
  });
  constexpr int looks = test::under_sanitizer ? 200'000 : 5'000'000;
  int led_astray = 0;
  for (int i = 0; i < looks; ++i)
    led_astray += map.find(at(here * granule + 2100)) != live.its_slab() ? 1 : 0;
  done = true;
  writer.join();
  EXPECT_EQ(led_astray, 0);
}

} // namespace
} // namespace quarry::detail
