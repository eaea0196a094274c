// statistics() against the books of a resource that stands between the pool and its callers, and knows
// nothing of the pool but the size classes that are promised.
#include "../support/poisoned.hpp"
#include "support.hpp"

#include <algorithm>
#include <barrier>
#include <map>
#include <mutex>

namespace quarry::test {
namespace {

// Passes every call on to the pool, and keeps the books.
template <class Pool>
class bookkeeper final : public std::pmr::memory_resource {
public:
  explicit bookkeeper(Pool& pool) : pool_(pool) {}

  /// The block for (bytes, alignment), 0 for oversized ones: written down from what is promised, not taken
  /// from the library. Only while memory is poisoned blocks are larger than promised.
  std::size_t block_for(std::size_t bytes, std::size_t alignment) const {
    const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
    const std::size_t largest = pool_.options().largest_required_pool_block;
    std::size_t block = 8;
    for (std::size_t step = 8; block < rounded || block % alignment != 0; block += step)
      if (block == 16 * step) step *= 2; // sixteen steps of 8, then eight for each doubling
    if (block > largest) return 0;
    return memory_is_poisoned() ? block_serving(pool_, bytes, alignment) : block;
  }

  // Nobody may be inside a call.
  void expect_agreement(const ledger_resource& upstream) {
    const pool_statistics s = pool_.statistics();
    std::map<std::size_t, std::size_t> shown;
    std::size_t carved_bytes = 0;
    for (const size_class_statistics& c : s.classes()) {
      if (c.blocks_in_use != 0) shown[c.block_size] = c.blocks_in_use;
      carved_bytes += (c.blocks_in_use + c.blocks_cached + c.blocks_free) * c.block_size;
    }
    EXPECT_EQ(shown, live_by_block_);
    EXPECT_EQ(s.bytes_in_use, bytes_);
    EXPECT_EQ(s.oversized_blocks, oversized_blocks_);
    EXPECT_EQ(s.oversized_bytes, oversized_bytes_);
    EXPECT_EQ(s.bytes_in_use - s.oversized_bytes + s.bytes_cached + s.bytes_free, carved_bytes);
    EXPECT_EQ(s.bytes_held, upstream.held());
    EXPECT_EQ(s.upstream_allocations, upstream.allocations() - upstream.refusals());
    EXPECT_EQ(s.upstream_deallocations, upstream.deallocations());
    EXPECT_EQ(s.dropped_blocks, 0u);
    EXPECT_LE(peak_, s.peak_bytes_in_use);
    if (!memory_is_poisoned()) {
      EXPECT_LE(s.peak_bytes_in_use, peak_ + largest_caches());
    }
    EXPECT_LE(carved_bytes + s.oversized_bytes, s.bytes_held);
  }

  void forget_all() {
    live_by_block_.clear();
    bytes_ = oversized_blocks_ = oversized_bytes_ = 0;
  }

private:
  // What is promised of free blocks in caches.
  std::size_t largest_caches() const { return std::max(std::size_t{1} << 20, peak_ / 8); }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = pool_.allocate(bytes, alignment);
    note(bytes, alignment, 1);
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    note(bytes, alignment, -1);
    pool_.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  // Sums wrap, as unsigned ones do, and come back.
  void note(std::size_t bytes, std::size_t alignment, int sign) {
    const std::size_t block = block_for(bytes, alignment);
    const auto by = static_cast<std::size_t>(sign);
    const std::lock_guard guard(mutex_);
    bytes_ += by * (block == 0 ? bytes : block);
    if (block == 0) {
      oversized_blocks_ += by;
      oversized_bytes_ += by * bytes;
    } else if ((live_by_block_[block] += by) == 0) {
      live_by_block_.erase(block);
    }
    peak_ = std::max(peak_, bytes_);
  }

  Pool& pool_;
  std::mutex mutex_;
  std::map<std::size_t, std::size_t> live_by_block_;
  std::size_t bytes_ = 0, oversized_blocks_ = 0, oversized_bytes_ = 0, peak_ = 0;
};

std::size_t random_size(dice& d) {
  switch (d.below(20)) {
  case 0:
    return d.between(0, 3);
  case 1:
    return d.between(30'000, 40'000); // around the largest block
  case 2:
    return d.between(2000, 20'000);
  default:
    return d.between(1, 700);
  }
}

std::size_t random_alignment(dice& d) { return std::size_t{1} << (d.below(8) == 0 ? d.below(13) : 3); }

template <class Pool>
class statistics_and_ledger : public ::testing::Test {};
TYPED_TEST_SUITE(statistics_and_ledger, both_pools, pool_names);

TYPED_TEST(statistics_and_ledger, agree_over_random_scripts) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    dice d(seed);
    ledger_resource upstream;
    TypeParam pool(std::pmr::pool_options{0, seed % 2 == 0 ? std::size_t{0} : 1000}, &upstream);
    bookkeeper<TypeParam> books(pool);
    population<std::pmr::memory_resource> live(books);
    for (int step = 0; step < 3000; ++step) {
      const std::size_t wish = d.below(1000);
      if (wish == 0) {
        pool.trim(d.below(100'000));
      } else if (wish == 1) {
        pool.reserve(d.between(1, 500), 8, d.below(300));
      } else if (wish == 2) {
        pool.release();
        books.forget_all();
        live.forget_all();
      } else if (live.size() == 0 || d.below(1000) < (step % 1000 < 500 ? 700u : 300u)) {
        live.add(random_size(d), random_alignment(d));
      } else {
        live.free_random(d);
      }
      if (step % 25 == 0) books.expect_agreement(upstream);
      if (::testing::Test::HasFailure()) return;
    }
    live.free_all();
    books.expect_agreement(upstream);
  }
}

// Blocks change hands; each time all threads rest, with full magazines, the books are compared.
TEST(statistics_and_ledger_under_threads, agree_whenever_all_rest) {
  constexpr std::size_t threads = 4, rounds = 8;
  ledger_resource upstream;
  sync pool(&upstream);
  bookkeeper<sync> books(pool);
  std::mutex handover;
  std::vector<block> on_offer;
  std::barrier rest(threads + 1);
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      dice d(t);
      std::vector<block> mine;
      const auto free_last = [&] {
        books.deallocate(mine.back().address, mine.back().bytes, mine.back().alignment);
        mine.pop_back();
      };
      for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < 3000 / sanitizer_slowdown; ++i) {
          const std::size_t bytes = random_size(d), alignment = random_alignment(d);
          mine.push_back({books.allocate(bytes, alignment), bytes, alignment});
          std::swap(mine[d.below(mine.size())], mine.back());
          if (i % 4 != 0) free_last();
          if (i % 16 == 0) {
            const std::lock_guard guard(handover);
            std::swap(on_offer, mine);
          }
        }
        rest.arrive_and_wait(); // the books are compared
        rest.arrive_and_wait();
      }
      while (!mine.empty()) free_last();
    });
  for (std::size_t round = 0; round < rounds; ++round) {
    rest.arrive_and_wait();
    books.expect_agreement(upstream);
    rest.arrive_and_wait();
  }
  for (std::thread& each : workers) each.join();
  for (const block& b : on_offer) books.deallocate(b.address, b.bytes, b.alignment);
  books.expect_agreement(upstream);
}

} // namespace
} // namespace quarry::test
