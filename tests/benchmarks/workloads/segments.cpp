// I/O buffers of 4 KiB: allocated and freed, handed to another thread, shared; and small writes put into a
// chain.
#include "alignment_kept.hpp"
#include "batch_queue.hpp"
#include "replay/crew.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <quarry/segment_chain.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace quarry_bench {
namespace {

constexpr std::size_t buffer_size = 4096;

// A buffer from each source that has some: a page, page-aligned.
void* take(const raw_source auto& from) { return from.allocate(buffer_size, buffer_size); }
void give(const raw_source auto& from, void*& buffer) { from.deallocate(buffer, buffer_size, buffer_size); }
std::size_t& first_word(void* buffer) { return *static_cast<std::size_t*>(buffer); }
bool can_do_it(const raw_source auto& from) { return keeps_the_alignment(from, buffer_size, buffer_size); }

quarry::segment take(const segment_source& from) { return from.pool->allocate_segment(buffer_size); }
void give(const segment_source&, quarry::segment& buffer) { buffer = {}; }
std::size_t& first_word(quarry::segment& buffer) { return *reinterpret_cast<std::size_t*>(buffer.data()); }
bool can_do_it(const segment_source&) { return true; }

template <class S>
concept buffer_source = requires(const S& from) {
  take(from);
};

double pair_ns(const buffer_source auto& from, std::size_t pairs) {
  return processor_ns_per(pairs, [&] {
    for (std::size_t i = 0; i < pairs; ++i) {
      auto buffer = take(from);
      benchmark::DoNotOptimize(buffer);
      give(from, buffer);
    }
  });
}

// One thread allocates, the other frees; at most a MiB is on the way.
double hand_over_ns(const buffer_source auto& from, std::size_t batches) {
  using buffer = decltype(take(from));
  constexpr std::size_t segments_at_once = 16;
  batch_queue<buffer, segments_at_once, 16> queue;
  const auto produce = [&] {
    for (std::size_t i = 0; i < batches; ++i)
      queue.push([&](auto& batch) {
        for (buffer& b : batch) first_word(b = take(from)) = i;
      });
  };
  const auto consume = [&] {
    for (std::size_t i = 0; i < batches; ++i)
      queue.pop([&](auto& batch) {
        for (buffer& b : batch) {
          if (first_word(b) != i) throw std::logic_error("a live buffer was overwritten");
          give(from, b);
        }
      });
  };
  return together_ns_per(batches * segments_at_once, 2, [&](std::size_t index) -> std::function<void()> {
    if (index == 0) return produce;
    return consume;
  });
}

// A thread that waits: without one the standard library counts without atomic operations.
class second_thread {
public:
  ~second_thread() {
    {
      const std::lock_guard guard(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_{[this] {
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return over_; });
  }};
};

std::array<quarry::segment, 256> owned(const segment_source& from) {
  std::array<quarry::segment, 256> all;
  for (auto& each : all) each = take(from);
  return all;
}
quarry::shared_segment shared(quarry::segment& owner) { return std::move(owner).share(); }

std::array<std::shared_ptr<std::size_t>, 256> owned(const shared_ptr_source&) {
  std::array<std::shared_ptr<std::size_t>, 256> all;
  for (auto& each : all) each = std::make_shared<std::size_t>();
  return all;
}
std::shared_ptr<std::size_t> shared(std::shared_ptr<std::size_t>& owner) { return std::move(owner); }

template <class S>
concept share_source = requires(const S& from) {
  owned(from);
};

// Each buffer becomes a shared one, which is copied; the copy is destroyed.
double share_ns(const share_source auto& from, std::size_t rounds) {
  const second_thread alive;
  double ns = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    auto owners = owned(from);
    std::array<decltype(shared(owners[0])), owners.size()> kept;
    ns += processor_ns_per(owners.size(), [&] {
      for (std::size_t i = 0; i < owners.size(); ++i) {
        kept[i] = shared(owners[i]);
        auto copy = kept[i];
        benchmark::DoNotOptimize(copy);
      }
    });
  }
  return ns / static_cast<double>(rounds);
}

// What writes end up in, 256 KiB of them; then it begins anew.
struct chain_target {
  quarry::segment_pool& pool;
  quarry::segment_chain chain{pool};

  explicit chain_target(const segment_source& from) : pool(*from.pool) {}
  void begin_anew() { chain.consume(chain.size()); }
  void put(std::span<const std::byte> bytes) { chain.append(bytes); }
};

struct flat_target {
  std::vector<std::byte> memory{std::size_t{256} << 10};
  std::byte* end = memory.data();

  explicit flat_target(const memcpy_source&) {}
  void begin_anew() { end = memory.data(); }
  void put(std::span<const std::byte> bytes) {
    std::memcpy(end, bytes.data(), bytes.size());
    end += bytes.size();
  }
};

chain_target target_of(const segment_source& from) { return chain_target(from); }
flat_target target_of(const memcpy_source& from) { return flat_target(from); }

template <class S>
concept append_source = requires(const S& from) {
  target_of(from);
};

double append_ns(const append_source auto& from, std::size_t rounds) {
  constexpr std::size_t writes = 4096;
  std::array<std::byte, 64> bytes{};
  auto target = target_of(from);
  return processor_ns_per(rounds * writes, [&] {
    for (std::size_t round = 0; round < rounds; ++round) {
      target.begin_anew();
      for (std::size_t i = 0; i < writes; ++i) {
        benchmark::DoNotOptimize(bytes);
        target.put(bytes);
      }
    }
  });
}

workload of_segments(workload work) {
  work.shown_in = part::segments;
  return work;
}

} // namespace

void add_segments(workload_list& list, effort how_much) {
  const auto pairs = how_much.operations(2'000'000), batches = how_much.operations(50'000);
  const auto rounds = how_much.operations(2'000);
  list.push_back(of_segments(on_one_thread("4 KiB pair", [=](const buffer_source auto& from) {
    return can_do_it(from) ? std::optional(pair_ns(from, pairs)) : std::nullopt;
  })));
  list.push_back(of_segments(on_threads("4 KiB handed over", [=](const buffer_source auto& from) {
    return can_do_it(from) ? std::optional(hand_over_ns(from, batches)) : std::nullopt;
  })));
  list.push_back(of_segments(on_one_thread(
      "share + copy + destroy", [=](const share_source auto& from) { return share_ns(from, rounds); })));
  list.push_back(of_segments(on_one_thread(
      "append 64 bytes", [=](const append_source auto& from) { return append_ns(from, rounds); })));
}

} // namespace quarry_bench
