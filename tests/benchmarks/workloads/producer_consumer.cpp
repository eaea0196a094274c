// One thread allocates blocks and hands them over in batches of 64; another frees them.
#include "../random.hpp"
#include "replay/crew.hpp"
#include "workloads.hpp"

#include <array>
#include <atomic>
#include <functional>

namespace quarry_bench {
namespace {

constexpr std::size_t batch_size = 64, batches_on_the_way = 64, alignment = 8;

struct batch {
  struct block {
    void* address;
    std::size_t size;
  };
  std::array<block, batch_size> blocks;
};

// A ring between one writer and one reader.
class batch_queue {
public:
  template <class Fill>
  void push(const Fill& fill) {
    const auto at = written_.load(std::memory_order_relaxed);
    while (at - read_.load(std::memory_order_acquire) == batches_on_the_way) std::this_thread::yield();
    fill(ring_[at % batches_on_the_way]);
    written_.store(at + 1, std::memory_order_release);
  }

  template <class Drain>
  void pop(const Drain& drain) {
    const auto at = read_.load(std::memory_order_relaxed);
    while (written_.load(std::memory_order_acquire) == at) std::this_thread::yield();
    drain(ring_[at % batches_on_the_way]);
    read_.store(at + 1, std::memory_order_release);
  }

private:
  std::array<batch, batches_on_the_way> ring_{};
  alignas(64) std::atomic<std::size_t> written_{0};
  alignas(64) std::atomic<std::size_t> read_{0};
};

template <class Source>
void produce(const Source& from, batch_queue& queue, std::size_t batches) {
  random_numbers random;
  for (std::size_t i = 0; i < batches; ++i)
    queue.push([&](batch& next) {
      for (auto& [address, size] : next.blocks) {
        size = random.between(1, 64) * alignment;
        address = ::new (from.allocate(size, alignment)) std::size_t{size};
      }
    });
}

template <class Source>
void consume(const Source& from, batch_queue& queue, std::size_t batches) {
  for (std::size_t i = 0; i < batches; ++i)
    queue.pop([&](const batch& next) {
      for (const auto& [address, size] : next.blocks) {
        if (*static_cast<const std::size_t*>(address) != size)
          throw std::logic_error("a live block was overwritten");
        from.deallocate(address, size, alignment);
      }
    });
}

} // namespace

void add_producer_consumer(workload_list& list, effort how_much) {
  const auto batches = how_much.operations(20'000);
  list.push_back(on_threads("producer/consumer", [=](const raw_source auto& from) {
    batch_queue queue;
    return together_ns_per(batches * batch_size, 2, [&](std::size_t index) -> std::function<void()> {
      if (index == 0) return [&] { produce(from, queue, batches); };
      return [&] { consume(from, queue, batches); };
    });
  }));
}

} // namespace quarry_bench
