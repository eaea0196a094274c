// Faults of the world around a pool: no memory left in the process, a default resource that is replaced,
// pools on pools, an upstream that comes back, a process that forks.
#include "../support/poisoned.hpp"
#include "support.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <quarry/allocator.hpp>
#include <quarry/page_resource.hpp>
#include <quarry/segment_pool.hpp>
#include <quarry/testing.hpp>

namespace quarry::test {
namespace {

// Runs `body` in a process of its own; what it returns must be null, else it is what went wrong there.
std::string in_child(const std::function<const char*()>& body, unsigned seconds = 60) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return "no pipe";
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return "no process";
  if (child == 0) {
    alarm(seconds);
    const char* const wrong = body();
    const bool said = wrong == nullptr || write(pipe_ends[1], wrong, std::strlen(wrong)) > 0;
    std::_Exit(wrong == nullptr && said ? 0 : 1);
  }
  close(pipe_ends[1]);
  char text[256];
  const ssize_t length = read(pipe_ends[0], text, sizeof text);
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status));
  return std::string(text, length > 0 ? static_cast<std::size_t>(length) : 0);
}

// ---- no memory left

// From here on the process may have only so many bytes more.
bool allow_only(std::size_t bytes) {
  std::size_t pages = 0;
  std::FILE* const sizes = std::fopen("/proc/self/statm", "r");
  if (sizes == nullptr) return false;
  const bool known = std::fscanf(sizes, "%zu", &pages) == 1;
  std::fclose(sizes);
  const std::size_t most = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit limit{most, most};
  return known && setrlimit(RLIMIT_AS, &limit) == 0;
}

// Fills the process with blocks of all sizes until there is no more, frees them, and that over and over.
template <class Pool>
const char* exhaust(Pool& pool, std::vector<block>& blocks, std::size_t rounds) {
  dice d(1);
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t largest = round % 2 == 0 ? 300'000 : 30'000;
    try {
      for (;;) {
        const std::size_t bytes = d.between(1, largest);
        if (blocks.size() == blocks.capacity()) return "more blocks than there is room for";
        blocks.push_back({pool.allocate(bytes, 8), bytes, 8});
        *static_cast<std::byte*>(blocks.back().address) = std::byte{1};
      }
    } catch (const std::bad_alloc&) {
    }
    if (blocks.size() < 20) return "memory was out too soon";
    if (round % 100 == 0) pool.check_invariants();
    shuffle(blocks, d);
    for (const block& b : blocks) pool.deallocate(b.address, b.bytes, b.alignment);
    blocks.clear();
    if (pool.statistics().bytes_in_use != 0) return "something is still in use";
    if (round % 2 != 0) pool.trim(); // what is kept for small blocks is room for large ones
  }
  pool.check_invariants();
  return nullptr;
}

template <class Pool>
class exhaustion : public ::testing::Test {};
TYPED_TEST_SUITE(exhaustion, both_pools, pool_names);

TYPED_TEST(exhaustion, a_thousand_times) {
  if (under_asan || under_tsan) GTEST_SKIP() << "sanitizers need more address space than any limit";
  EXPECT_EQ(in_child([]() -> const char* {
              std::vector<block> blocks;
              blocks.reserve(1 << 16);
              if (!allow_only(8 << 20)) return "no limit";
              TypeParam pool(page_resource());
              return exhaust(pool, blocks, 1000);
            }),
            "");
}

TEST(exhaustion_of_segments, a_thousand_times) {
  if (under_asan || under_tsan) GTEST_SKIP() << "sanitizers need more address space than any limit";
  EXPECT_EQ(in_child([]() -> const char* {
              std::vector<segment> segments;
              segments.reserve(1 << 16);
              if (!allow_only(8 << 20)) return "no limit";
              segment_pool pool;
              for (int round = 0; round < 1000; ++round) {
                const std::size_t bytes = round % 2 == 0 ? 3000 : 60'000;
                try {
                  for (;;) segments.push_back(pool.allocate_segment(bytes));
                } catch (const std::bad_alloc&) {
                }
                if (segments.size() < 50) return "memory was out too soon";
                if (pool.try_allocate_segment(100'000'000)) return "more than there is";
                segments.clear();
                if (round % 100 == 0) pool.check_invariants();
              }
              return pool.statistics().bytes_in_use == 0 ? nullptr : "something is still in use";
            }),
            "");
}

// ---- what lies under a pool

template <class Pool>
class under_a_pool : public ::testing::Test {};
TYPED_TEST_SUITE(under_a_pool, both_pools, pool_names);

TYPED_TEST(under_a_pool, a_default_resource_that_is_replaced) {
  ledger_resource first, second;
  std::pmr::memory_resource* const before = std::pmr::set_default_resource(&first);
  {
    TypeParam pool;
    std::pmr::set_default_resource(&second);
    {
      std::pmr::map<int, std::pmr::string> words(&pool);
      for (int i = 0; i < 1000; ++i) words.emplace(i, std::string(100, 'w').c_str());
      pool.trim();
    }
    EXPECT_EQ(pool.upstream_resource(), &first);
    pool.release();
    population<TypeParam> live(pool);
    for (std::size_t i = 0; i < 1000; ++i) live.add(i * 50);
  }
  std::pmr::set_default_resource(before);
  EXPECT_EQ(second.calls(), 0u);
  EXPECT_GT(first.calls(), 0u);
  EXPECT_TRUE(first.clean());
}

// Whichever of the three needs memory, the failure passes through those above it, and all are as they were.
TYPED_TEST(under_a_pool, a_pool_on_a_pool_that_fails) {
  const auto f = [](failing_resource& upstream) {
    TypeParam bottom(&upstream), middle({64, 8192}, &bottom), top({16, 1024}, &middle);
    population<TypeParam> low(bottom), high(top);
    for (std::size_t i = 0; i < 80; ++i) try {
        low.add(1 + i * 77 % 5000);
        high.add(1 + i * 93 % 3000);
      } catch (const failing_resource::failure&) {
        for (const TypeParam* pool : {&bottom, &middle, &top}) EXPECT_NO_THROW(pool->check_invariants());
      }
    high.free_all();
    top.release();
    EXPECT_EQ(middle.statistics().bytes_in_use, 0u);
    EXPECT_NO_THROW(bottom.check_invariants());
    return !::testing::Test::HasFailure();
  };
  EXPECT_GT(for_each_failure_point(f), 10u);
  EXPECT_GT(for_each_failure_point(f, failing_resource::for_ever), 10u);
}

// ---- fork

// Threads that have blocks in their caches and sleep.
class sleepers {
public:
  explicit sleepers(sync& pool) {
    for (std::size_t i = 0; i < 3; ++i)
      threads_.emplace_back([this, &pool, i] {
        {
          population<sync> live(pool);
          for (std::size_t n = 0; n < 500; ++n) live.add(1 + (n + i) % 600);
        }
        ++asleep_;
        awake_.wait(false);
      });
    while (asleep_ != threads_.size()) std::this_thread::yield();
  }
  ~sleepers() {
    awake_ = true;
    awake_.notify_all();
    for (auto& t : threads_) t.join();
  }
  sleepers(const sleepers&) = delete;
  sleepers& operator=(const sleepers&) = delete;

private:
  std::atomic<std::size_t> asleep_ = 0;
  std::atomic<bool> awake_ = false;
  std::vector<std::thread> threads_;
};

// TSan allows a child of a program with threads no thread of its own.
class child_of_a_threaded_program : public ::testing::Test {
protected:
  void SetUp() override {
    if (under_tsan || under_asan) GTEST_SKIP() << "sanitizers do not take kindly to fork beside threads";
  }
};

// What lies in the caches of threads that are not in the child can be had there, too.
TEST_F(child_of_a_threaded_program, goes_on_with_a_pool_at_rest) {
  ledger_resource upstream;
  sync pool(&upstream);
  {
    const sleepers three(pool);
    population<sync> live(pool);
    for (int i = 0; i < 100; ++i) live.add(40);
    EXPECT_EQ(in_child([&]() -> const char* {
                pool.check_invariants();
                if (pool.statistics().bytes_in_use != 100 * pool.good_size(40, 8))
                  return "other blocks are in use";
                live.free_all();
                population<sync> more(pool);
                for (std::size_t i = 0; i < 5000; ++i) more.add(i % 700);
                on_another_thread([&] { more.free_all(); });
                pool.trim();
                if (pool.statistics().bytes_cached != 0) return "something is still in a cache";
                if (pool.statistics().chunks != 0) return "a chunk is still there";
                pool.check_invariants();
                pool.release();
                return upstream.clean() ? nullptr : "upstream did not get everything back";
              }),
              "");
    EXPECT_NO_THROW(pool.check_invariants());
  }
  pool.release();
  EXPECT_TRUE(upstream.clean());
}

// With the threads that had blocks in their magazines gone, only depots have any.
TEST_F(child_of_a_threaded_program, finds_what_depots_have) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no depots";
  sync pool;
  population<sync> live(pool);
  on_another_thread([&] {
    for (int i = 0; i < 20'000; ++i) live.add(40);
    for (int i = 0; i < 3000; ++i) live.free_last();
  });
  EXPECT_GT(pool.statistics().bytes_cached, 0u);
  EXPECT_EQ(in_child([&]() -> const char* {
              pool.check_invariants();
              for (int i = 0; i < 3000; ++i) live.add(40);
              on_another_thread([&] { live.free_all(); });
              if (pool.statistics().bytes_in_use != 0) return "something is in use";
              pool.check_invariants();
              pool.trim();
              if (pool.statistics().bytes_cached != 0) return "something is still in a depot";
              return pool.statistics().chunks == 0 ? nullptr : "a chunk is still there";
            }),
            "");
  live.free_all();
  EXPECT_NO_THROW(pool.check_invariants());
}

// Segments that the parent has are the child's too, in memory of its own; the caches of threads that are not
// there are visited.
TEST_F(child_of_a_threaded_program, goes_on_with_a_segment_pool_at_rest) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no caches";
  ledger_resource upstream;
  {
    segment_pool pool({}, &upstream);
    std::vector<segment> live;
    for (std::size_t i = 0; i < 300; ++i) live.push_back(pool.allocate_segment(1 + i * 37));
    live[7].data()[0] = std::byte{77};
    std::atomic<bool> asleep = false, awake = false;
    std::thread sleeper([&] {
      for (std::size_t i = 0; i < 300; ++i) (void)pool.allocate_segment(1 + i * 37).size();
      asleep = true;
      asleep.notify_all();
      awake.wait(false);
    });
    asleep.wait(false);
    EXPECT_EQ(in_child([&]() -> const char* {
                pool.check_invariants();
                if (pool.statistics().bytes_cached == 0) return "the sleeper has nothing in its cache";
                if (live[7].data()[0] != std::byte{77}) return "a segment has another content";
                const std::span<std::byte> handed_out = live[9].release();
                pool.deallocate_segment(handed_out);
                on_another_thread([&] { live.clear(); });
                for (std::size_t i = 0; i < 3000; ++i) live.push_back(pool.allocate_segment(i * 7));
                live.clear();
                pool.trim();
                pool.check_invariants();
                if (pool.statistics().bytes_cached != 0) return "something is still in a cache";
                if (pool.statistics().chunks != 0) return "a region is still there";
                pool.release();
                return upstream.clean() ? nullptr : "upstream did not get everything back";
              }),
              "");
    EXPECT_EQ(live.size(), 300u);
    awake = true;
    awake.notify_all();
    sleeper.join();
    EXPECT_NO_THROW(pool.check_invariants());
  }
  EXPECT_TRUE(upstream.clean());
}

// Other threads make and end pools and caches all the time; the child has pools and threads of its own.
TEST_F(child_of_a_threaded_program, makes_pools_whatever_other_threads_were_doing) {
  sync at_rest;
  population<sync> live(at_rest);
  for (int i = 0; i < 100; ++i) live.add(40);
  std::atomic<bool> stop = false;
  std::vector<std::thread> busy;
  for (int i = 0; i < 2; ++i)
    busy.emplace_back([&] {
      while (!stop) {
        sync pool;
        population<sync> some(pool);
        for (std::size_t n = 0; n < 600; ++n) some.add(n);
        (void)pool.statistics();
      }
    });
  for (std::size_t i = 0; i < 100 / sanitizer_slowdown; ++i)
    EXPECT_EQ(in_child(
                  [&]() -> const char* {
                    live.free_all();
                    at_rest.check_invariants();
                    on_another_thread([] {
                      sync pool;
                      population<sync> some(pool);
                      for (std::size_t n = 0; n < 600; ++n) some.add(n);
                    });
                    return at_rest.statistics().bytes_in_use == 0 ? nullptr : "something is still in use";
                  },
                  20),
              "");
  stop = true;
  for (auto& t : busy) t.join();
}

} // namespace
} // namespace quarry::test
