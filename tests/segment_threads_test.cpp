// Segments and threads: racing frees, frees on other threads, bogus frees beside trim, the end of the pool.
#include <quarry/pool_resource.hpp>
#include <quarry/segment_pool.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/ledger_resource.hpp"
#include "support/recorded_reports.hpp"
#include "support/sanitizers.hpp"

namespace {

using quarry::segment;
using quarry::segment_pool;
using quarry::shared_segment;
using quarry::violation_kind;
using quarry::test::ledger_resource;
using quarry::test::recorded_reports;

struct counts {
  std::atomic<std::size_t> of_kind[8] = {};
  static void note(const quarry::violation& v, void* context) noexcept {
    ++static_cast<counts*>(context)->of_kind[static_cast<std::size_t>(v.kind)];
  }
  quarry::violation_handler handler() { return {&note, this}; }
  std::size_t of(violation_kind kind) const { return of_kind[static_cast<std::size_t>(kind)]; }
};

constexpr int race_rounds = quarry::test::under_sanitizer ? 20'000 : 1'000'000;

// Of two segments with regions of their own the first one's region retires, and its observer frees the second
// when the pool's end has begun, on another thread.
struct frees_another_while_the_pool_ends final : quarry::region_observer {
  segment other;
  std::atomic<bool> retiring = false, ending = false;

  void region_added(const quarry::region&) override {}
  bool region_retiring(const quarry::region&) noexcept override {
    if (retiring.exchange(true)) return true;
    while (!ending) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // so that the end waits, if it does
    other = {};
    return true;
  }
  // The end of a pool reports what is out, and goes on.
  static void note_leak(const quarry::violation& v, void* context) noexcept {
    if (v.kind == violation_kind::leak)
      static_cast<frees_another_while_the_pool_ends*>(context)->ending = true;
  }
};

TEST(segment_threads, an_observer_frees_a_segment_of_a_pool_that_ends_on_another_thread) {
  ledger_resource up;
  {
    frees_another_while_the_pool_ends o;
    auto pool = std::make_unique<segment_pool>(
        quarry::segment_pool_options{.observer = &o,
                                     .on_violation = {&frees_another_while_the_pool_ends::note_leak, &o}},
        &up);
    segment first = pool->allocate_segment(100'000);
    o.other = pool->allocate_segment(100'000);
    std::thread frees([&] { first = {}; });
    while (!o.retiring) std::this_thread::yield();
    pool.reset();
    frees.join();
    EXPECT_FALSE(o.other);
  }
  EXPECT_TRUE(up.clean());
}

// The pages of its caches go to other pools at once.
TEST(segment_threads, go_on_to_other_pools_while_theirs_ends) {
  constexpr int sleepers = 20, rounds = 40;
  for (int round = 0; round != rounds; ++round) {
    auto pool = std::make_unique<segment_pool>();
    std::atomic<int> ready = 0;
    std::atomic<bool> gone = false;
    const auto use = [&] {
      std::vector<segment> all;
      for (std::size_t i = 0; i != 400; ++i) all.push_back(pool->allocate_segment(64 + i % 20 * 64));
      all.clear();
      ++ready;
    };
    std::vector<std::thread> threads;
    for (int i = 0; i != sleepers; ++i)
      threads.emplace_back([&] {
        use();
        gone.wait(false);
      });
    while (ready != sleepers) std::this_thread::yield();
    threads.emplace_back([&] {
      use();
      while (!gone) {
        quarry::synchronized_pool_resource other;
        std::vector<void*> blocks(100);
        for (void*& block : blocks) block = other.allocate(64);
        for (void* const block : blocks) other.deallocate(block, 64);
        EXPECT_NO_THROW(other.check_invariants());
      }
    });
    while (ready != sleepers + 1) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    pool.reset();
    gone = true;
    gone.notify_all();
    for (std::thread& t : threads) t.join();
  }
}

TEST(segment_threads, of_two_racing_frees_one_succeeds) {
  counts seen;
  segment_pool pool({.on_violation = seen.handler()});
  constexpr int at_once = 1000;
  std::array<std::span<std::byte>, at_once> spans;
  std::atomic<int> phase = 0;
  const auto free_all = [&] {
    for (const auto bytes : spans) pool.deallocate_bytes(bytes);
  };
  std::thread other([&] {
    for (int round = 0; round != race_rounds / at_once; ++round) {
      while (phase.load() != 2 * round + 1) std::this_thread::yield();
      free_all();
      phase.store(2 * round + 2);
    }
  });
  for (int round = 0; round != race_rounds / at_once; ++round) {
    for (auto& bytes : spans) bytes = pool.allocate_bytes(4096);
    phase.store(2 * round + 1);
    free_all();
    while (phase.load() != 2 * round + 2) std::this_thread::yield();
  }
  other.join();
  EXPECT_EQ(seen.of(violation_kind::double_free) + seen.of(violation_kind::foreign_pointer),
            std::size_t{race_rounds});
  EXPECT_EQ(seen.of(violation_kind::wrong_size), 0u);
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  pool.check_invariants();
}

// What a segment has, is freed by it without an exchange; who frees it through its address comes too soon or
// too late, whenever he comes.
TEST(segment_threads, bogus_frees_of_what_a_segment_has_are_all_reported) {
  counts seen;
  segment_pool pool({.on_violation = seen.handler()});
  std::atomic<std::byte*> last = pool.allocate_segment(4096).data();
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> bogus = 0;
  std::thread liar([&] {
    for (; !stop.load(); ++bogus) pool.deallocate_bytes({last.load(), 4096});
  });
  std::array<segment, 3> mine;
  std::vector<shared_segment> shared;
  for (std::size_t i = 0; i < race_rounds / 4 || bogus.load() < 1000; ++i) {
    segment& s = mine[i % mine.size()];
    s = pool.allocate_segment(4096);
    std::memset(s.data(), 1, 8);
    last = s.data();
    if (i % 5 == 0) shared.push_back(std::move(s).share());
    if (shared.size() == 10) shared.clear();
  }
  stop = true;
  liar.join();
  EXPECT_EQ(seen.of(violation_kind::double_free) + seen.of(violation_kind::foreign_pointer), bogus.load());
  std::size_t live = shared.size();
  for (const segment& s : mine) live += s ? 1 : 0;
  EXPECT_EQ(pool.statistics().bytes_in_use, live * 4096);
  pool.check_invariants();
}

TEST(segment_threads, bogus_frees_beside_trim_read_nothing_that_is_gone) {
  counts seen;
  ledger_resource up;
  segment_pool pool(
      {.slab_size = 65536, .largest_segment = 16384, .retain_bytes = 0, .on_violation = seen.handler()}, &up);
  std::vector<std::atomic<std::byte*>> once(512); // where blocks were at some time
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> bogus = 0;
  std::thread liar([&] {
    std::mt19937 random(1);
    while (!stop.load()) {
      std::byte* const p = once[random() % once.size()].load();
      if (p == nullptr) continue;
      pool.deallocate_bytes({p + 1, 64}); // no block starts there
      ++bogus;
    }
  });
  std::mt19937 random(2);
  std::vector<segment> mine;
  for (int i = 0; i < 20000 || bogus.load() < 1000; ++i) {
    if (random() % 2 == 0 && !mine.empty()) {
      mine[random() % mine.size()].swap(mine.back());
      mine.pop_back();
    } else {
      mine.push_back(pool.allocate_segment(std::size_t{64} << random() % 9));
      once[random() % once.size()] = mine.back().data();
    }
    if (i % 300 == 0) mine.clear();
    if (i % 100 == 0) pool.trim();
  }
  stop = true;
  liar.join();
  mine.clear();
  EXPECT_EQ(seen.of(violation_kind::foreign_pointer), bogus.load());
  pool.check_invariants();
}

TEST(segment_threads, late_second_frees_beside_trim_free_nothing) {
  counts seen;
  segment_pool pool(
      {.slab_size = 65536, .largest_segment = 4096, .retain_bytes = 0, .on_violation = seen.handler()});
  std::mutex mutex;
  std::vector<std::span<std::byte>> dead; // of the class of 2048, which nobody else uses
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> late = 0;
  std::thread liar([&] {
    while (!stop.load()) {
      std::vector<std::span<std::byte>> now;
      {
        const std::lock_guard guard(mutex);
        now.swap(dead);
      }
      if (now.empty()) std::this_thread::yield();
      for (const auto bytes : now) {
        pool.deallocate_bytes(bytes);
        ++late;
      }
    }
  });
  std::vector<segment> others; // of other classes, in the same regions
  for (int i = 0; i != 300; ++i) {
    std::vector<std::span<std::byte>> spans;
    for (int j = 0; j != 40; ++j) spans.push_back(pool.allocate_bytes(2048));
    for (const auto bytes : spans) pool.deallocate_bytes(bytes);
    pool.trim();
    {
      const std::lock_guard guard(mutex);
      dead.insert(dead.end(), spans.begin(), spans.end());
    }
    for (int j = 0; j != 40; ++j) {
      others.push_back(pool.allocate_segment(4096));
      others.push_back(pool.allocate_segment(100));
    }
    if (i % 4 == 3) others.clear();
    const std::size_t all_of_it = static_cast<std::size_t>(i + 1) * 40;
    if (i % 10 == 9)
      while (late.load() != all_of_it) std::this_thread::yield();
  }
  stop = true;
  liar.join();
  others.clear();
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  pool.check_invariants();
}

TEST(segment_threads, segments_go_from_thread_to_thread) {
  ledger_resource up;
  {
    segment_pool pool({}, &up);
    std::array<std::atomic<segment*>, 64> mailboxes{};
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed != 4; ++seed)
      threads.emplace_back([&, seed] {
        std::mt19937 random(seed);
        for (int i = 0; i != 20000; ++i) {
          auto fresh = std::make_unique<segment>(pool.allocate_segment(random() % 10000 + 1));
          std::memset(fresh->data(), static_cast<int>(fresh->size() % 251), fresh->size());
          const std::unique_ptr<segment> old(
              mailboxes[random() % mailboxes.size()].exchange(fresh.release()));
          if (old == nullptr) continue;
          const auto expected = static_cast<std::byte>(old->size() % 251);
          if (old->span().front() != expected || old->span().back() != expected) ADD_FAILURE() << "spoilt";
        }
      });
    for (auto& t : threads) t.join();
    for (auto& box : mailboxes) delete box.exchange(nullptr);
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    pool.check_invariants();
  }
  EXPECT_TRUE(up.clean());
  EXPECT_EQ(up.overlaps(), 0u);
}

TEST(segment_threads, shares_are_dropped_by_all) {
  segment_pool pool;
  for (int round = 0; round != 300; ++round) {
    segment s = pool.allocate_segment(4096);
    std::memset(s.data(), round, s.size());
    const shared_segment all = std::move(s).share();
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t)
      threads.emplace_back([part = all.slice(static_cast<std::size_t>(t) * 100, 100), round] {
        for (int i = 0; i != 50; ++i) {
          const shared_segment copy = part, slice = copy.slice(10, 10);
          if (slice.span().front() != static_cast<std::byte>(round)) ADD_FAILURE() << "spoilt";
        }
      });
    for (auto& t : threads) t.join();
  }
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  pool.check_invariants();
}

// ---- the end of a pool with handles on other threads

TEST(segment_threads, a_pool_may_end_while_threads_free) {
  for (int round = 0; round != 300; ++round) {
    counts seen;
    ledger_resource up;
    std::vector<std::thread> threads;
    {
      segment_pool pool({.on_violation = seen.handler()}, &up);
      std::atomic<int> started = 0;
      for (int t = 0; t != 3; ++t)
        threads.emplace_back([&started, mine = [&] {
          std::vector<segment> all;
          for (int i = 0; i != 60; ++i) all.push_back(pool.allocate_segment(i % 20 == 0 ? 100000 : 4096));
          return all;
        }()]() mutable {
          ++started;
          while (!mine.empty()) {
            std::memset(mine.back().data(), 1, mine.back().size());
            mine.pop_back();
          }
        });
      while (started.load() != 3) std::this_thread::yield();
    }
    for (auto& t : threads) t.join();
    EXPECT_TRUE(up.clean());
    EXPECT_LE(seen.of(violation_kind::leak), 180u);
    EXPECT_EQ(seen.of(violation_kind::double_free), 0u);
  }
}

TEST(segment_threads, a_pool_may_end_while_threads_with_caches_free) {
  for (int round = 0; round != 100; ++round) {
    counts seen;
    ledger_resource up;
    std::vector<std::thread> threads;
    std::atomic<int> allocated = 0, may_free = 0;
    {
      segment_pool pool({.on_violation = seen.handler()}, &up);
      for (int t = 0; t != 3; ++t)
        threads.emplace_back([&] {
          std::vector<segment> mine;
          for (int repeat = 0; repeat != 3; ++repeat) { // so that the thread has a cache
            mine.clear();
            for (int i = 0; i != 60; ++i) mine.push_back(pool.allocate_segment(4096));
          }
          ++allocated;
          while (may_free.load() == 0) std::this_thread::yield();
          mine.clear();
        });
      while (allocated.load() != 3) std::this_thread::yield();
      may_free = 1;
    }
    for (auto& t : threads) t.join();
    EXPECT_TRUE(up.clean());
    EXPECT_EQ(seen.of(violation_kind::double_free), 0u);
  }
}

TEST(segment_threads, a_thread_may_exit_with_blocks_in_its_cache) {
  ledger_resource up;
  segment_pool pool({.retain_bytes = 0}, &up);
  for (int round = 0; round != 50; ++round)
    std::thread([&] {
      std::vector<segment> mine;
      for (int i = 0; i != 200; ++i) mine.push_back(pool.allocate_segment(4096));
    }).join();
  pool.trim();
  std::size_t regions = 0;
  pool.for_each_region([&](const quarry::region&) { ++regions; });
  EXPECT_EQ(regions, 0u);
  pool.check_invariants();
}

} // namespace
