// Upstream fails at call 0, 1, 2, … of every operation of segment pools and chains.
#include "support.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

#include <quarry/segment_chain.hpp>
#include <quarry/segment_pool.hpp>
#include <quarry/testing.hpp>

namespace quarry::test {
namespace {

segment_pool_options small_regions() {
  segment_pool_options options;
  options.slab_size = 64 << 10;
  options.largest_segment = 16 << 10;
  options.retain_bytes = 0;
  return options;
}

void expect_sound(const segment_pool& pool, const failing_resource& upstream) {
  const std::size_t calls = upstream.calls();
  EXPECT_NO_THROW(pool.check_invariants());
  EXPECT_EQ(pool.statistics().bytes_held, upstream.bytes_held());
  EXPECT_EQ(upstream.calls(), calls);
}

// Runs `what` on a new pool with each call upstream failing, alone and with all that follow it; a segment
// from before keeps its bytes, and then it works.
void fail_at_every_call(const std::function<void(segment_pool&)>& what, std::size_t at_least) {
  for (const std::size_t failures : {std::size_t{1}, failing_resource::for_ever}) {
    SCOPED_TRACE(failures == 1 ? "one call fails" : "all calls fail from one on");
    const auto f = [&](failing_resource& upstream) {
      segment_pool pool(small_regions(), &upstream);
      segment before = pool.allocate_segment(1000);
      std::fill(before.begin(), before.end(), std::byte{42});
      try {
        what(pool);
      } catch (const failing_resource::failure&) {
      }
      expect_sound(pool, upstream);
      upstream.fail_never();
      what(pool);
      expect_sound(pool, upstream);
      EXPECT_EQ(std::count(before.begin(), before.end(), std::byte{42}), 1000);
      return !::testing::Test::HasFailure();
    };
    EXPECT_GE(for_each_failure_point(f, failures), at_least) << "too few for the test to mean something";
  }
}

TEST(faults_of_segments, in_allocate_segment_of_every_size) {
  fail_at_every_call(
      [](segment_pool& pool) {
        std::vector<segment> live;
        for (std::size_t i = 0; i < 300; ++i) live.push_back(pool.allocate_segment(1 + i * 97 % 16'000));
        for (std::size_t i = 0; i < 10; ++i) live.push_back(pool.allocate_segment(20'000 * (i + 1)));
      },
      20);
}

TEST(faults_of_segments, try_allocate_segment_gives_none_and_throws_nothing) {
  const auto f = [](failing_resource& upstream) {
    segment_pool pool(small_regions(), &upstream);
    std::vector<segment> live;
    std::size_t none = 0;
    for (std::size_t i = 0; i < 200; ++i) {
      live.push_back(pool.try_allocate_segment(1 + i * 97 % 30'000));
      none += !live.back();
    }
    EXPECT_LE(none, upstream.failures());
    expect_sound(pool, upstream);
    upstream.fail_never();
    EXPECT_TRUE(pool.try_allocate_segment(30'000));
    return !::testing::Test::HasFailure();
  };
  EXPECT_GT(for_each_failure_point(f), 20u);
  EXPECT_GT(for_each_failure_point(f, failing_resource::for_ever), 20u);
}

TEST(faults_of_segments, in_spans_and_shares_and_around_trim) {
  fail_at_every_call(
      [](segment_pool& pool) {
        std::vector<shared_segment> shared;
        for (std::size_t i = 0; i < 100; ++i) {
          pool.deallocate_bytes(pool.allocate_bytes(1 + i * 100));
          shared.push_back(pool.allocate_segment(5000).share());
          shared.push_back(shared.back().slice(10, i));
        }
        shared.clear();
        pool.trim();
        (void)pool.allocate_segment(100);
      },
      5);
}

TEST(faults_of_segments, in_pmr_containers) {
  fail_at_every_call(
      [](segment_pool& pool) {
        std::pmr::map<int, std::pmr::string> words(&pool);
        for (int i = 0; i < 500; ++i) words.emplace(i, std::string(static_cast<std::size_t>(i), 'w').c_str());
      },
      5);
}

TEST(faults_of_segments, in_the_calls_of_new_threads) {
  fail_at_every_call(
      [](segment_pool& pool) {
        on_another_thread([&] {
          std::vector<segment> live;
          for (std::size_t i = 0; i < 300; ++i) live.push_back(pool.try_allocate_segment(1 + i * 31 % 5000));
        });
      },
      5);
}

// A chain that could not be changed is as it was.
TEST(faults_of_chains, in_every_change) {
  const std::vector<std::byte> some(3000, std::byte{7}), few(100, std::byte{7});
  const auto sum = [](const segment_chain& chain) {
    std::size_t bytes = 0;
    for (const iovec& piece : chain.pieces())
      bytes += static_cast<std::size_t>(std::count(static_cast<std::byte*>(piece.iov_base),
                                                   static_cast<std::byte*>(piece.iov_base) + piece.iov_len,
                                                   std::byte{7}));
    return bytes;
  };
  fail_at_every_call(
      [&](segment_pool& pool) {
        segment_chain chain(pool), other(pool);
        std::size_t size = 0;
        const auto change = [&](auto&& by, std::size_t bytes) {
          try {
            by();
            size += bytes;
          } catch (const failing_resource::failure&) {
          }
          EXPECT_EQ(chain.size(), size);
          EXPECT_EQ(sum(chain), size);
        };
        for (int i = 0; i < 8; ++i) {
          change([&] { chain.append(few); }, few.size());
          change([&] { chain.append(some); }, some.size());
          change([&] { chain.prepend(few); }, few.size());
          change(
              [&] {
                segment s = pool.allocate_segment(few.size());
                std::copy(few.begin(), few.end(), s.begin());
                chain.push_back(std::move(s));
              },
              few.size());
          change([&] { other = chain.share(); }, 0);
          if (size >= 10) change([&] { other = chain.split(10); }, ~std::size_t{0} - 9);
        }
        chain.consume(size);
        EXPECT_TRUE(chain.empty());
      },
      3);
}

} // namespace
} // namespace quarry::test
