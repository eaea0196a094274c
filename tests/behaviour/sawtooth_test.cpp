// The share of empty memory that a pool retains follows the load: one that comes back is served from it and
// stops calling upstream; one that does not is forgotten.
#include "support.hpp"

#include <cstdio>

namespace quarry::test {
namespace {

constexpr std::size_t kibibyte = 1024, peak = 4096 * kibibyte;

template <class Pool>
void rise(population<Pool>& live, std::size_t bytes, std::size_t size) {
  while (live.bytes() < bytes) live.add(size);
}

// One period each; every period of a shape makes the same requests and frees in the same order.
template <class Pool>
struct shapes {
  static void full(population<Pool>& live) {
    rise(live, peak, 48);
    live.free_all();
  }
  static void full_in_random_order(population<Pool>& live) {
    dice d(1);
    rise(live, peak, 160);
    while (live.size() != 0) live.free_random(d);
  }
  static void upper_half(population<Pool>& live) {
    dice d(2);
    rise(live, peak, 64);
    while (live.bytes() > peak / 2) live.free_random(d);
  }
  static void two_classes_in_turn(population<Pool>& live) {
    for (const std::size_t size : {32u, 320u}) {
      rise(live, peak, size);
      live.free_all();
    }
  }
  // What is left of one in magazines keeps most of its slabs from serving the other.
  static void two_sizes_in_turn_in_random_order(population<Pool>& live) {
    dice d(5);
    for (const std::size_t size : {64u, 1000u}) {
      rise(live, 2 * peak, size);
      while (live.size() != 0) live.free_random(d);
    }
  }
  static void mixed_sizes(population<Pool>& live) {
    dice d(3);
    while (live.bytes() < peak) live.add(d.between(8, 2048));
    while (live.size() != 0) live.free_random(d);
  }
  // Where the slabs of the large ones lie is never the same.
  static void large_among_small(population<Pool>& live) {
    dice d(4);
    rise(live, peak / 2, 300);
    rise(live, peak * 2 / 3, 3000);
    rise(live, peak, 20000);
    while (live.size() != 0) live.free_random(d);
  }
  static void high_and_low_peaks_in_turn(population<Pool>& live) {
    rise(live, peak, 96);
    live.free_all();
    rise(live, peak / 4, 96);
    live.free_all();
  }
  static void small(population<Pool>& live) {
    rise(live, 100 * kibibyte, 24);
    live.free_all();
  }
};

template <class Pool>
struct shape {
  const char* name;
  void (*period)(population<Pool>&);
};

template <class Pool>
class sawtooth : public ::testing::Test {};
TYPED_TEST_SUITE(sawtooth, both_pools, pool_names);

// Comes to eight periods in a row without one upstream call; usually by the tenth period, large ones among
// small by the thirty-eighth where slabs come to lie badly, which is a matter of the addresses that chunks
// get.
template <class Pool>
void expect_quiet(const shape<Pool>& s) {
  SCOPED_TRACE(s.name);
  constexpr std::size_t most = 80, quiet = 8;
  ledger_resource upstream;
  Pool pool(&upstream);
  population<Pool> live(pool);
  std::size_t last_noisy_period = 0;
  for (std::size_t period = 1; period <= most && period <= last_noisy_period + quiet; ++period) {
    const std::size_t before = upstream.calls();
    s.period(live);
    if (upstream.calls() != before) last_noisy_period = period;
  }
  std::printf("%-33s last upstream call in period %zu\n", s.name, last_noisy_period);
  EXPECT_LE(last_noisy_period + quiet, most);
  EXPECT_NO_THROW(pool.check_invariants());
}

TYPED_TEST(sawtooth, stops_calling_upstream) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  using with = shapes<TypeParam>;
  const shape<TypeParam> all[] = {
      {"full", with::full},
      {"full_in_random_order", with::full_in_random_order},
      {"upper_half", with::upper_half},
      {"two_classes_in_turn", with::two_classes_in_turn},
      {"two_sizes_in_turn_in_random_order", with::two_sizes_in_turn_in_random_order},
      {"mixed_sizes", with::mixed_sizes},
      {"large_among_small", with::large_among_small},
      {"high_and_low_peaks_in_turn", with::high_and_low_peaks_in_turn},
      {"small", with::small}};
  for (const auto& s : all) expect_quiet(s);
}

// Between the teeth live another thread's blocks, and another thread frees.
TEST(sawtooth_of_two_threads, stops_calling_upstream) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  sync pool(&upstream);
  population<sync> live(pool);
  std::size_t calls_when_quiet = 0;
  for (std::size_t period = 1; period <= 20; ++period) {
    const std::size_t before = upstream.calls();
    rise(live, peak, 80);
    on_another_thread([&] { live.free_all(); });
    if (period > 12) calls_when_quiet += upstream.calls() - before;
  }
  EXPECT_EQ(calls_when_quiet, 0u);
}

template <class Pool>
class burst : public ::testing::Test {};
TYPED_TEST_SUITE(burst, both_pools, pool_names);

constexpr std::size_t small_change = 64 * kibibyte;
// Descriptors of what was there once may stay: a thirty-second of the peak at most.
std::size_t bookkeeping(const ledger_resource& upstream) { return upstream.peak_held() / 32; }

// A burst that came once leaves at most an eighth of its peak as empty memory.
TYPED_TEST(burst, is_given_back_when_it_is_over) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  TypeParam pool(&upstream);
  population<TypeParam> live(pool);
  rise(live, 4 * peak, 64);
  live.free_all();
  EXPECT_LE(upstream.held(), upstream.peak_held() / 8 + bookkeeping(upstream) + small_change);
}

// Also where rounds of less had come before, all of whose memory is kept.
TYPED_TEST(burst, is_given_back_when_it_was_more_than_the_rounds_before) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  TypeParam pool(&upstream);
  population<TypeParam> live(pool);
  for (const std::size_t bytes : {peak / 40, peak / 4}) {
    for (unsigned round = 0; round < 20; ++round) {
      rise(live, bytes, 64);
      live.free_all();
    }
    rise(live, 4 * peak, 64);
    live.free_all();
    EXPECT_LE(upstream.held(), upstream.peak_held() / 8 + bookkeeping(upstream) + small_change) << bytes;
  }
}

// And then the share decays: a small load that goes on for a few of the burst's peaks keeps a small pool.
TYPED_TEST(burst, is_forgotten) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  ledger_resource upstream;
  TypeParam pool(&upstream);
  population<TypeParam> live(pool);
  rise(live, 4 * peak, 64);
  const std::size_t blocks_of_the_burst = live.size();
  live.free_all();
  dice d(4);
  rise(live, small_change, 64);
  for (std::size_t i = 0; i < 4 * blocks_of_the_burst; ++i) {
    live.free_random(d);
    live.add(64);
  }
  EXPECT_LE(upstream.held(), live.bytes() + live.bytes() / 2 + bookkeeping(upstream) + 2 * small_change);
}

} // namespace
} // namespace quarry::test
