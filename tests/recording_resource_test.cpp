// What is recorded, read back by the reader that tests, benchmarks and quarry-replay share; and that nothing
// which happens to the file or to upstream disturbs the program.
#include <quarry/recording_resource.hpp>

#include <quarry/pool_resource.hpp>

#include "replay/trace.hpp"
#include "support/ledger_resource.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

namespace quarry::test {
namespace {

using quarry_replay::read_trace;
using quarry_replay::trace;

class Recording : public testing::Test {
protected:
  void TearDown() override { std::filesystem::remove(file_); }

  const std::filesystem::path file_ =
      std::filesystem::path(testing::TempDir()) /
      (std::string("quarry_") + testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
       std::to_string(getpid()) + ".qtrace");
  ledger_resource upstream_;
};

std::size_t deallocations_in(const trace& t) {
  return static_cast<std::size_t>(
      std::count_if(t.events.begin(), t.events.end(), [](const auto& e) { return e.is_deallocation; }));
}

// What ended a child process: 0 when it left by itself and well.
int status_of_child(void (*body)(const std::filesystem::path&), const std::filesystem::path& file) {
  const pid_t child = fork();
  if (child == 0) {
    body(file);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST_F(Recording, IsWhatWasAskedForInItsOrder) {
  {
    recording_resource recorder(&upstream_, file_);
    void* const a = recorder.allocate(100, 16);
    void* const b = recorder.allocate(0, 1); // recorded as 1
    recorder.deallocate(a, 100, 16);
    void* const c = recorder.allocate(5000, 4096);
    recorder.deallocate(b, 0, 1);
    EXPECT_EQ(upstream_.blocks(), (std::vector<ledger_resource::block>{{c, 5000, 4096}}));
    recorder.deallocate(c, 5000, 4096);
    EXPECT_EQ(recorder.upstream_resource(), &upstream_);
    EXPECT_FALSE(recorder.error());
  }
  const trace t = read_trace(file_);
  EXPECT_EQ(t.thread_count, 1u);
  EXPECT_EQ(t.peak_live_bytes, 5001u);
  ASSERT_EQ(t.blocks.size(), 3u);
  EXPECT_EQ(t.blocks[0].size, 100u);
  EXPECT_EQ(t.blocks[0].alignment(), 16u);
  EXPECT_EQ(t.blocks[1].size, 1u);
  EXPECT_EQ(t.blocks[1].alignment(), 1u);
  EXPECT_EQ(t.blocks[2].size, 5000u);
  EXPECT_EQ(t.blocks[2].alignment(), 4096u);
  const std::vector<std::pair<unsigned, bool>> expected{{0, false}, {1, false}, {0, true},
                                                        {2, false}, {1, true},  {2, true}};
  ASSERT_EQ(t.events.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(std::pair(unsigned{t.events[i].block}, t.events[i].is_deallocation != 0), expected[i]) << i;
  EXPECT_TRUE(upstream_.clean());
}

// Random calls, compared with what upstream saw of them.
TEST_F(Recording, AgreesWithUpstreamsBooks) {
  upstream_.reset_peak();
  {
    recording_resource recorder(&upstream_, file_);
    std::mt19937 random(7);
    std::vector<ledger_resource::block> live;
    for (int i = 0; i < 20000; ++i)
      if (live.empty() || random() % 5 < 3) {
        const std::size_t size = 1 + random() % 300, alignment = std::size_t{1} << random() % 8;
        live.push_back({recorder.allocate(size, alignment), size, alignment});
      } else {
        std::swap(live[random() % live.size()], live.back());
        recorder.deallocate(live.back().address, live.back().size, live.back().alignment);
        live.pop_back();
      }
    for (const auto& b : live) recorder.deallocate(b.address, b.size, b.alignment);
  }
  const trace t = read_trace(file_);
  const auto history = upstream_.history();
  ASSERT_EQ(t.blocks.size(), history.size());
  for (std::size_t i = 0; i < history.size(); ++i) {
    ASSERT_EQ(t.blocks[i].size, history[i].size);
    ASSERT_EQ(t.blocks[i].alignment(), history[i].alignment);
  }
  EXPECT_EQ(t.events.size(), upstream_.calls());
  EXPECT_EQ(t.peak_live_bytes, upstream_.peak_held());
  EXPECT_TRUE(upstream_.clean());
}

TEST_F(Recording, LeavesOutAllocationsThatThrowAndBlocksItHasNotSeen) {
  void* const earlier = upstream_.allocate(64, 8);
  {
    recording_resource recorder(&upstream_, file_);
    recorder.deallocate(earlier, 64, 8);
    upstream_.refuse_at(0, 2);
    EXPECT_THROW(static_cast<void>(recorder.allocate(10, 8)), ledger_resource::refused);
    EXPECT_THROW(static_cast<void>(recorder.allocate(20, 8)), ledger_resource::refused);
    recorder.deallocate(recorder.allocate(30, 8), 30, 8);
  }
  const trace t = read_trace(file_);
  ASSERT_EQ(t.blocks.size(), 1u);
  EXPECT_EQ(t.blocks[0].size, 30u);
  EXPECT_EQ(t.events.size(), 2u);
  EXPECT_TRUE(upstream_.clean()); // the block it had not seen is upstream's again
}

// Threads come and go, and free each other's blocks. The reader checks that every deallocation is of a live
// block, which holds only if the order in the file is that of the calls.
TEST_F(Recording, OfManyThreadsIsInOrder) {
  constexpr int generations = 3, crew = 4, rounds = 2000, slots = 64;
  {
    synchronized_pool_resource pool;
    recording_resource recorder(&pool, file_);
    std::vector<std::atomic<void*>> shared(slots);
    for (int generation = 0; generation < generations; ++generation) {
      std::vector<std::thread> threads;
      for (unsigned seed = 0; seed < crew; ++seed)
        threads.emplace_back([&, seed] {
          std::mt19937 random(seed);
          for (int i = 0; i < rounds; ++i)
            if (void* const old = shared[random() % slots].exchange(recorder.allocate(48, 16)))
              recorder.deallocate(old, 48, 16);
        });
      for (auto& thread : threads) thread.join();
    }
    for (auto& block : shared)
      if (block != nullptr) recorder.deallocate(block, 48, 16);
  }
  const trace t = read_trace(file_);
  EXPECT_EQ(t.thread_count, std::size_t{generations * crew} + 1); // numbers are not used again
  EXPECT_EQ(t.blocks.size(), std::size_t{generations * crew * rounds});
  EXPECT_EQ(deallocations_in(t), t.blocks.size());
}

// Enough that the buffer is written many times.
void record_many(recording_resource& recorder, int pairs) {
  for (int i = 0; i < pairs; ++i) recorder.deallocate(recorder.allocate(40, 8), 40, 8);
}

TEST_F(Recording, IsValidWhileItGoesOn) {
  recording_resource recorder(&upstream_, file_);
  EXPECT_TRUE(read_trace(file_).events.empty());
  std::size_t before = 0;
  for (int i = 0; i < 10; ++i) {
    record_many(recorder, 1000);
    const trace t = read_trace(file_);
    EXPECT_GT(t.events.size(), before);
    EXPECT_EQ(t.uncounted_bytes, 0u);
    before = t.events.size();
  }
}

void record_until_killed(const std::filesystem::path& file) {
  recording_resource recorder(std::pmr::new_delete_resource(), file);
  for (;;) record_many(recorder, 1000);
}

TEST_F(Recording, OfAProcessThatIsKilledIsValid) {
  for (unsigned delay = 0; delay < 8; ++delay) {
    const pid_t child = fork();
    if (child == 0) record_until_killed(file_);
    while (!std::filesystem::exists(file_) || std::filesystem::file_size(file_) < 10000)
      std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(delay * 331));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_GT(read_trace(file_).events.size(), 1000u);
    std::filesystem::remove(file_);
  }
}

TEST_F(Recording, IsNotWrittenByAForkedChild) {
  {
    recording_resource recorder(&upstream_, file_);
    record_many(recorder, 1000);
    const pid_t child = fork();
    if (child == 0) {
      record_many(recorder, 5000);
      recorder.~recording_resource();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    record_many(recorder, 1000);
  }
  EXPECT_EQ(read_trace(file_).events.size(), 4000u);
}

TEST_F(Recording, ToAFullDeviceEndsWithOneLineAndTheProgramGoesOn) {
  testing::internal::CaptureStderr();
  {
    recording_resource recorder(&upstream_, "/dev/full");
    record_many(recorder, 5000);
    EXPECT_EQ(recorder.error(), std::errc::no_space_on_device);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "quarry: the recording /dev/full ends early: No space left on device\n");
  EXPECT_EQ(upstream_.allocations(), 5000u);
  EXPECT_TRUE(upstream_.clean());
}

constexpr rlim_t allowed_bytes = 20000;

// The limit ends a process by a signal, unless someone sees to that.
void record_beyond_limit(const std::filesystem::path& file) {
  const rlimit limit{allowed_bytes, allowed_bytes};
  setrlimit(RLIMIT_FSIZE, &limit);
  ledger_resource upstream;
  testing::internal::CaptureStderr();
  {
    recording_resource recorder(&upstream, file);
    record_many(recorder, 20000);
    EXPECT_EQ(recorder.error(), std::errc::file_too_large);
    record_many(recorder, 20000);
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_EQ(upstream.allocations(), 40000u);
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGXFSZ), 0);
}

TEST_F(Recording, BeyondTheSizeAllowedEndsAndStaysValid) {
  EXPECT_EQ(status_of_child(record_beyond_limit, file_), 0);
  const trace t = read_trace(file_);
  EXPECT_LE(std::filesystem::file_size(file_), allowed_bytes);
  EXPECT_GT(t.events.size(), 5000u);
  EXPECT_EQ(t.uncounted_bytes, 0u);
}

TEST_F(Recording, IntoNowhereThrows) {
  EXPECT_THROW(recording_resource(&upstream_, file_ / "below_a_missing_directory"),
               std::filesystem::filesystem_error);
}

} // namespace
} // namespace quarry::test
