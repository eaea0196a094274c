// Random work by several threads that hand their blocks on; in between, when no thread is inside, the pool
// must look as the model says.
#include "../behaviour/support.hpp"
#include "script.hpp"

#include <algorithm>
#include <atomic>

namespace quarry::test {
namespace {

struct owned_block {
  block memory;
  std::size_t id;
};
using share = std::vector<owned_block>; // what one thread has

class hand_over {
public:
  hand_over(std::size_t threads, std::size_t seed) : shares_(threads), seed_(seed) {}
  ~hand_over() {
    for (share& s : shares_)
      for (const owned_block& b : s) pool_.deallocate(b.memory.address, b.memory.bytes, b.memory.alignment);
  }

  // Every thread runs a random script on its own share, then each gets its neighbour's.
  void phase(std::size_t number, std::size_t steps) {
    if (number % 5 == 4) upstream_.refuse_at(3, 40);
    on_threads(shares_.size(), [&](std::size_t thread) {
      const std::size_t seed = (seed_ * 100 + number) * 100 + thread;
      std::size_t id = seed * 100'000;
      for (const step& s : random_pool_steps(seed, steps, pace::short_script)) run(s, shares_[thread], ++id);
    });
    upstream_.refuse_nothing();
    std::rotate(shares_.begin(), shares_.begin() + 1, shares_.end());
  }

  void check() {
    EXPECT_NO_THROW(pool_.check_invariants());
    EXPECT_EQ(broken_, 0u);
    EXPECT_EQ(upstream_.overlaps(), 0u);
    EXPECT_TRUE(upstream_.mismatches().empty());
    const pool_statistics seen = pool_.statistics();
    std::size_t live = 0, in_use = seen.oversized_blocks;
    for (const share& s : shares_) live += s.size();
    for (const size_class_statistics& c : seen.classes()) in_use += c.blocks_in_use;
    EXPECT_EQ(in_use, live);
    EXPECT_EQ(seen.bytes_held, upstream_.held());
    EXPECT_EQ(seen.dropped_blocks, 0u);
  }

  void release() {
    for (share& s : shares_) s.clear();
    pool_.release();
    EXPECT_TRUE(upstream_.clean());
  }

private:
  void run(const step& s, share& mine, std::size_t id) {
    switch (s.what) {
    case verb::allocate:
    case verb::at_least:
      allocate(s, mine, id);
      break;
    case verb::burst:
      for (std::uint32_t i = 0; i < s.c; ++i) allocate(s, mine, id);
      break;
    case verb::free:
      free(s.a, mine);
      break;
    case verb::drain:
      for (std::uint32_t i = 0; i < s.b; ++i) free(s.a, mine);
      break;
    case verb::reserve:
      unless_refused([&] { pool_.reserve(s.a, s.b, s.c); });
      break;
    case verb::trim:
      pool_.trim(s.a);
      break;
    default: // release not while others have blocks; threads are this test's own
      break;
    }
  }
  void allocate(const step& s, share& mine, std::size_t id) {
    unless_refused([&] {
      const block b{pool_.allocate(s.a, s.b), s.a, s.b};
      write_pattern(b, id);
      mine.push_back({b, id});
    });
  }
  void free(std::size_t index, share& mine) {
    if (mine.empty()) return;
    const owned_block b = mine[index % mine.size()];
    mine[index % mine.size()] = mine.back();
    mine.pop_back();
    if (!holds_pattern(b.memory, b.id)) ++broken_;
    pool_.deallocate(b.memory.address, b.memory.bytes, b.memory.alignment);
  }
  template <class F>
  static void unless_refused(F work) {
    try {
      work();
    } catch (const ledger_resource::refused&) { // as it may while upstream refuses
    }
  }

  ledger_resource upstream_;
  sync pool_{&upstream_};
  std::vector<share> shares_;
  std::size_t seed_;
  std::atomic<std::size_t> broken_ = 0;
};

class model_threads : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(seed, model_threads, ::testing::Range(std::size_t{0}, std::size_t{8}));

TEST_P(model_threads, hand_their_blocks_on) {
  hand_over all(2 + GetParam() % 4, GetParam());
  for (std::size_t number = 0; number < 24 / std::min<std::size_t>(sanitizer_slowdown, 4); ++number) {
    all.phase(number, under_tsan ? 150 : 400);
    all.check();
    if (number % 10 == 9) all.release();
    if (::testing::Test::HasFailure()) FAIL() << "seed " << GetParam() << ", phase " << number;
  }
}

} // namespace
} // namespace quarry::test
