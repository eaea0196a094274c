// Threads come and go: what an exited thread cached or allocated is not stranded, any thread frees any
// block, and the payload of every block stays its owner's.
#include "support.hpp"

#include <atomic>
#include <iterator>
#include <mutex>

namespace quarry::test {
namespace {

std::vector<block> thousand_blocks(sync& pool, std::size_t bytes) {
  std::vector<block> blocks;
  for (std::size_t i = 0; i < 1000; ++i) {
    blocks.push_back({pool.allocate(bytes, 8), bytes, 8});
    write_pattern(blocks.back(), i);
  }
  return blocks;
}

void free_checked(sync& pool, const std::vector<block>& blocks) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_TRUE(holds_pattern(blocks[i], i));
    pool.deallocate(blocks[i].address, blocks[i].bytes, blocks[i].alignment);
  }
}

// Which slab a block comes from depends on where upstream's memory lies. A new
// chunk is at most half of what is held.
constexpr std::size_t a_chunk = 32768;

std::size_t held_after_rounds(std::size_t rounds, std::size_t bytes) {
  ledger_resource upstream;
  sync pool(&upstream);
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<block> blocks;
    on_another_thread([&] { blocks = thousand_blocks(pool, bytes); });
    on_another_thread([&] { free_checked(pool, blocks); });
  }
  pool.check_invariants();
  return upstream.held();
}

constexpr std::size_t two_hundred = under_tsan ? 25 : 200;

TEST(thread_generations, two_hundred_rounds_hold_what_the_third_held) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  for (const std::size_t bytes : {24u, 64u, 500u})
    EXPECT_LE(held_after_rounds(two_hundred, bytes), held_after_rounds(3, bytes) + a_chunk)
        << "blocks of " << bytes;
}

TEST(thread_generations, the_thread_that_made_the_pool_frees_what_others_allocated) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  sync pool(&upstream);
  std::size_t held_in_round_3 = 0;
  for (std::size_t round = 1; round <= two_hundred; ++round) {
    std::vector<block> blocks;
    on_another_thread([&] { blocks = thousand_blocks(pool, 64); });
    free_checked(pool, blocks);
    if (round == 3) held_in_round_3 = upstream.held();
  }
  EXPECT_LE(upstream.held(), held_in_round_3 + a_chunk);
}

TEST(thread_generations, an_exited_thread_leaves_nothing_in_its_cache) {
  ledger_resource upstream;
  sync pool(&upstream);
  on_another_thread([&] { free_checked(pool, thousand_blocks(pool, 64)); });
  const auto seen = pool.statistics();
  EXPECT_EQ(seen.bytes_in_use, 0u);
  EXPECT_LE(seen.bytes_cached, std::size_t{1} << 20);
  pool.trim();
  EXPECT_EQ(pool.statistics().bytes_cached, 0u);
  EXPECT_EQ(pool.statistics().chunks, 0u);
}

// Blocks in hand between threads: each thread gives one and takes another's, at random places.
class exchange {
public:
  explicit exchange(std::size_t places) : places_(places) {}
  std::pair<block, std::size_t> swap(std::size_t place, std::pair<block, std::size_t> given) {
    const std::lock_guard guard(mutexes_[place % std::size(mutexes_)]);
    std::swap(places_[place], given);
    return given;
  }
  std::size_t places() const { return places_.size(); }

private:
  std::mutex mutexes_[16];
  std::vector<std::pair<block, std::size_t>> places_;
};

void free_if_any(sync& pool, const std::pair<block, std::size_t>& owned, std::atomic<std::size_t>& broken) {
  const auto& [b, id] = owned;
  if (b.address == nullptr) return;
  if (!holds_pattern(b, id)) ++broken;
  pool.deallocate(b.address, b.bytes, b.alignment);
}

void churn(std::size_t threads, std::size_t operations) {
  ledger_resource upstream;
  std::atomic<std::size_t> broken = 0;
  {
    sync pool(&upstream);
    exchange hands(4 * threads + 64);
    on_threads(threads, [&](std::size_t thread) {
      dice d(thread);
      for (std::size_t i = 0; i < operations; ++i) {
        const std::size_t bytes = d.between(1, 400), id = thread * operations + i;
        const block b{pool.allocate(bytes, 8), bytes, 8};
        write_pattern(b, id);
        free_if_any(pool, hands.swap(d.below(hands.places()), {b, id}), broken);
      }
    });
    EXPECT_NO_THROW(pool.check_invariants());
    for (std::size_t place = 0; place < hands.places(); ++place)
      free_if_any(pool, hands.swap(place, {}), broken);
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    EXPECT_NO_THROW(pool.check_invariants());
  }
  EXPECT_EQ(broken, 0u);
  EXPECT_EQ(upstream.overlaps(), 0u);
  EXPECT_TRUE(upstream.clean());
}

constexpr std::size_t all_operations = 800'000 / sanitizer_slowdown;

TEST(churn_by_threads, of_2) { churn(2, all_operations / 2); }
TEST(churn_by_threads, of_16) { churn(16, all_operations / 16); }
TEST(churn_by_threads, of_256) { churn(256, all_operations / 256); }
TEST(churn_by_threads, of_1000) { churn(1000, all_operations / 1000); }

} // namespace
} // namespace quarry::test
