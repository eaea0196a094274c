// What a pool asks upstream for when it serves pooled blocks.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <algorithm>
#include <set>

namespace quarry::test {
namespace {

QUARRY_SUITE(chunk, every_pool);

// Counts the distinct blocks seen in each allocation of upstream: a lower bound of what was carved from it.
class carved_blocks {
public:
  explicit carved_blocks(const ledger_resource& up) : up_(&up) {}

  void note(const void* block, std::size_t size) {
    const auto history = up_->history();
    for (std::size_t i = history.size(); i-- > 0;) { // the latest that covers it is the live one
      const auto* const start = static_cast<const std::byte*>(history[i].address);
      const auto* const p = static_cast<const std::byte*>(block);
      if (p < start || p >= start + history[i].size) continue;
      seen_.resize(std::max(seen_.size(), i + 1));
      seen_[i].insert({block, size});
      return;
    }
    ADD_FAILURE() << "a block outside everything upstream gave";
  }
  std::size_t most_in_one() const {
    std::size_t most = 0;
    for (const auto& blocks : seen_) most = std::max(most, blocks.size());
    return most;
  }

private:
  const ledger_resource* up_;
  std::vector<std::set<std::pair<const void*, std::size_t>>> seen_;
};

// Of different classes in every pool.
constexpr std::size_t block_sizes[] = {16, 48, 112, 256, 1024};

QUARRY_CASE(chunk, max_blocks_per_chunk_bounds_the_blocks_of_one_size) {
  for (const std::size_t wanted : sizes{1, 2, 5, 16, 100}) {
    ledger_resource up;
    Pool pool({wanted, 4096}, &up);
    carved_blocks carved(up);
    for (int i = 0; i < 500; ++i) carved.note(pool.allocate(32), 32);
    EXPECT_LE(carved.most_in_one(), pool.options().max_blocks_per_chunk) << wanted;
  }
}

QUARRY_CASE(chunk, max_blocks_per_chunk_bounds_the_blocks_of_all_sizes_together) {
  for (const std::size_t wanted : sizes{1, 4, 16, 100}) {
    ledger_resource up;
    Pool pool({wanted, 4096}, &up);
    carved_blocks carved(up);
    for (int i = 0; i < 200; ++i)
      for (const std::size_t size : block_sizes) carved.note(pool.allocate(size), size);
    EXPECT_LE(carved.most_in_one(), pool.options().max_blocks_per_chunk) << wanted;
  }
}

// "Ever": memory that was blocks of one class and is carved again for another counts both.
QUARRY_CASE(chunk, max_blocks_per_chunk_bounds_the_blocks_ever_carved) {
  ledger_resource up;
  Pool pool({16, 4096}, &up);
  carved_blocks carved(up);
  for (int round = 0; round < 3; ++round)
    for (const std::size_t size : block_sizes) {
      std::vector<void*> live;
      for (int i = 0; i < 100; ++i) {
        live.push_back(pool.allocate(size));
        carved.note(live.back(), size);
      }
      for (void* p : live) pool.deallocate(p, size);
    }
  EXPECT_LE(carved.most_in_one(), pool.options().max_blocks_per_chunk);
}

std::size_t largest_of(const ledger_resource& up) {
  std::size_t largest = 0;
  for (const auto& b : up.history()) largest = std::max(largest, b.size);
  return largest;
}

// A chunk that a single block was larger than, as it lies idle.
QUARRY_CASE(chunk, max_blocks_per_chunk_bounds_the_small_blocks_after_large_ones) {
  ledger_resource up;
  Pool pool({8192, 262'144}, &up);
  std::vector<void*> large;
  for (int i = 0; i < 25; ++i) large.push_back(pool.allocate(pool.options().largest_required_pool_block));
  for (void* p : large) pool.deallocate(p, pool.options().largest_required_pool_block);
  carved_blocks carved(up);
  for (int i = 0; i < 40'000; ++i) carved.note(pool.allocate(8, 8), 8);
  EXPECT_LE(carved.most_in_one(), pool.options().max_blocks_per_chunk);
}

QUARRY_CASE(chunk, one_block_per_chunk_still_serves_the_largest_block) {
  ledger_resource up;
  Pool pool({1, 0}, &up);
  const std::size_t size = pool.options().largest_required_pool_block;
  filled_blocks<Pool> live(pool);
  live.add(size);
  live.add(size);
  EXPECT_TRUE(live.all_intact());
  EXPECT_GE(largest_of(up), size);
}

QUARRY_CASE(chunk, the_first_is_small) {
  if (!bounds_apply) GTEST_SKIP();
  ledger_resource up;
  Pool pool(&up);
  for (const std::size_t size : sizes{24, 64, 128}) (void)pool.allocate(size);
  EXPECT_LE(up.held() + sizeof(Pool), 4096u);
}

QUARRY_CASE(chunk, none_is_above_64_kib_or_a_sixteenth_of_what_is_held) {
  if (!bounds_apply) GTEST_SKIP();
  ledger_resource up;
  Pool pool(&up);
  for (std::size_t i = 0; i < 40000; ++i) (void)pool.allocate(block_sizes[i % std::size(block_sizes)]);
  std::size_t held = 0;
  for (const auto& b : up.history()) { // nothing was freed, so history is what is held, in order
    held += b.size;
    ASSERT_LE(b.size, std::max<std::size_t>(64 << 10, held / 16)) << "with " << held << " held";
  }
}

// 512 KiB in chunks of 1 KiB would be 512 calls; in chunks of an eighth of what is held it is 53, and
// bookkeeping's.
QUARRY_CASE(chunk, size_grows_geometrically_from_small_on) {
  if (!bounds_apply) GTEST_SKIP();
  ledger_resource up;
  Pool pool(&up);
  while (up.held() < (512 << 10)) (void)pool.allocate(64);
  EXPECT_LE(up.allocations(), 80u);
  EXPECT_GE(largest_of(up), 16u << 10);
}

// Above 64 KiB, too, where what is held allows it: 16 MiB in far fewer calls than 64 KiB at a time (256).
// Chunks stay at the 64 KiB that are always allowed, although 1/16 of what is held would be more: what comes
// back is whole chunks, and small ones come back sooner.
QUARRY_CASE(chunk, size_grows_to_64_kib_so_that_calls_are_few) {
  if (!bounds_apply) GTEST_SKIP();
  ledger_resource up;
  Pool pool(&up);
  constexpr std::size_t filled = 16 << 20, chunk = 64 << 10, growing = 100;
  while (up.held() < filled) (void)pool.allocate(512);
  EXPECT_LE(up.allocations(), filled / chunk + filled / chunk / 16 + growing);
}

QUARRY_CASE(chunk, one_of_the_size_options_promises_is_reached_and_filled) {
  if (!bounds_apply) GTEST_SKIP(); // there is no block of 8 bytes
  const std::size_t block = 8;
  const auto options = Pool(std::pmr::pool_options{static_cast<std::size_t>(-1), block}).options();
  ASSERT_LE(options.max_blocks_per_chunk, 1u << 19);
  ledger_resource up;
  Pool pool(options, &up);
  constexpr std::size_t far_too_much = 18 << 20;
  while (largest_of(up) < block * options.max_blocks_per_chunk) {
    for (int i = 0; i < 1000; ++i) (void)pool.allocate(block, 1);
    ASSERT_LE(up.held(), far_too_much) << "largest chunk " << largest_of(up);
  }
  const std::size_t calls = up.allocations();
  for (std::size_t i = 0; i < options.max_blocks_per_chunk; ++i) (void)pool.allocate(block, 1);
  EXPECT_GT(up.allocations(), calls);
}

} // namespace
} // namespace quarry::test
