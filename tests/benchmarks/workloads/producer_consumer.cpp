// One thread allocates blocks and hands them over in batches of 64; another frees them.
#include "../random.hpp"
#include "batch_queue.hpp"
#include "replay/crew.hpp"
#include "workloads.hpp"

#include <functional>

namespace quarry_bench {
namespace {

constexpr std::size_t batch_size = 64, alignment = 8;

struct sized_block {
  void* address;
  std::size_t size;
};
using block_queue = batch_queue<sized_block, batch_size, 64>;

template <class Source>
void produce(const Source& from, block_queue& queue, std::size_t batches) {
  random_numbers random;
  for (std::size_t i = 0; i < batches; ++i)
    queue.push([&](block_queue::batch& next) {
      for (auto& [address, size] : next) {
        size = random.between(1, 64) * alignment;
        address = ::new (from.allocate(size, alignment)) std::size_t{size};
      }
    });
}

template <class Source>
void consume(const Source& from, block_queue& queue, std::size_t batches) {
  for (std::size_t i = 0; i < batches; ++i)
    queue.pop([&](const block_queue::batch& next) {
      for (const auto& [address, size] : next) {
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
    block_queue queue;
    return together_ns_per(batches * batch_size, 2, [&](std::size_t index) -> std::function<void()> {
      if (index == 0) return [&] { produce(from, queue, batches); };
      return [&] { consume(from, queue, batches); };
    });
  }));
}

} // namespace quarry_bench
