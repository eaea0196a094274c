// What the pools hold at most while they replay recorded programs, against what the programs had live at
// most.
#include "replay/trace.hpp"
#include "support.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <semaphore>

namespace quarry::test {
namespace {

using quarry_replay::read_trace;
using quarry_replay::trace;
using quarry_replay::trace_event;

// Replays events in their order. Where the threads are replayed, each event is done by a thread of its own
// number, so that the outcome does not depend on how fast threads are.
template <class Pool>
class replay {
public:
  explicit replay(const trace& t) : trace_(t), addresses_(t.blocks.size()) {}

  void on_this_thread() {
    for (const auto& event : trace_.events) run(event);
    free_the_rest();
  }

  void on_the_traces_threads() {
    struct turn {
      std::counting_semaphore<> semaphore{0};
    };
    std::vector<turn> turns(trace_.thread_count);
    const std::size_t count = trace_.events.size();
    std::size_t next = 0; // whose turn it is has it
    turns[trace_.events[0].thread].semaphore.release();
    on_threads(trace_.thread_count, [&](std::size_t me) {
      for (;;) {
        turns[me].semaphore.acquire();
        for (; next < count && trace_.events[next].thread == me; ++next) run(trace_.events[next]);
        if (next == count) break;
        turns[trace_.events[next].thread].semaphore.release();
      }
      for (auto& other : turns) other.semaphore.release(); // all events are done
    });
    free_the_rest();
  }

  double counted_per_live() const {
    return static_cast<double>(upstream_.peak_held() + sizeof(Pool)) /
           static_cast<double>(trace_.peak_live_bytes);
  }

  // Where the memory is when the most is live, as shares of that.
  void print(const std::string& name) const {
    const auto percent = [&](std::size_t bytes) {
      return 100 * static_cast<double>(bytes) / static_cast<double>(trace_.peak_live_bytes);
    };
    const pool_statistics& s = at_peak_;
    const std::size_t rest = s.bytes_held - s.bytes_in_use - s.bytes_cached - s.bytes_free;
    std::printf(
        "%-36s %.3f x live; at the peak: class rounding %.1f %%, free in slabs %.1f %%, caches %.1f %%, "
        "uncarved and bookkeeping %.1f %%\n",
        name.c_str(), counted_per_live(), percent(s.bytes_in_use - trace_.peak_live_bytes),
        percent(s.bytes_free), percent(s.bytes_cached), percent(rest));
  }

private:
  void run(const trace_event& event) {
    const auto& block = trace_.blocks[event.block];
    if (event.is_deallocation) {
      live_bytes_ -= block.size;
      pool_.deallocate(std::exchange(addresses_[event.block], nullptr), block.size, block.alignment());
    } else {
      live_bytes_ += block.size;
      addresses_[event.block] = pool_.allocate(block.size, block.alignment());
      if (live_bytes_ == trace_.peak_live_bytes) at_peak_ = pool_.statistics();
    }
  }
  void free_the_rest() {
    for (std::size_t i = 0; i < addresses_.size(); ++i)
      if (addresses_[i] != nullptr)
        pool_.deallocate(addresses_[i], trace_.blocks[i].size, trace_.blocks[i].alignment());
  }

  const trace& trace_;
  std::vector<void*> addresses_;
  std::size_t live_bytes_ = 0;
  ledger_resource upstream_;
  Pool pool_{&upstream_};
  pool_statistics at_peak_;
};

class trace_memory : public ::testing::TestWithParam<std::string> {
protected:
  template <class Pool>
  void expect_little_more_than_live(void (replay<Pool>::*how)(), const char* variant) {
    SKIP_MEMORY_BOUND_UNDER_ASAN();
    const trace t = read_trace(std::filesystem::path(QUARRY_TEST_DATA) / GetParam());
    const auto replayed = std::make_unique<replay<Pool>>(t);
    (replayed.get()->*how)();
    replayed->print(GetParam() + " " + variant);
    RecordProperty("counted_per_live_percent", static_cast<int>(100 * replayed->counted_per_live()));
    EXPECT_LE(replayed->counted_per_live(), 1.20);
  }
};

std::vector<std::string> trace_files() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(QUARRY_TEST_DATA))
    if (file.path().extension() == ".xz") names.push_back(file.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(, trace_memory, ::testing::ValuesIn(trace_files()),
                         [](const auto& file) { return file.param.substr(0, file.param.find('.')); });

TEST_P(trace_memory, unsynchronized) {
  expect_little_more_than_live(&replay<unsync>::on_this_thread, "unsynchronized");
}
TEST_P(trace_memory, synchronized) {
  expect_little_more_than_live(&replay<sync>::on_this_thread, "synchronized");
}
TEST_P(trace_memory, synchronized_with_its_threads) {
  expect_little_more_than_live(&replay<sync>::on_the_traces_threads, "with its threads");
}

} // namespace
} // namespace quarry::test
