#include "workload.hpp"

#include "../benchmarks/random.hpp"

#include <algorithm>

namespace quarry_simulation {
namespace {

using kind = operation::kind;

std::uint8_t random_class(quarry_bench::random_numbers& random) {
  return static_cast<std::uint8_t>(quarry::size_class_of(random.between(1, 64) * 8, 8));
}

workload empty_workload(int core_count) {
  workload w;
  w.cores.resize(static_cast<std::size_t>(core_count));
  return w;
}

operation allocation(workload& w, quarry_bench::random_numbers& random) {
  return {w.new_block(), random_class(random), kind::allocate};
}

operation freeing(operation allocated) {
  allocated.what = kind::deallocate;
  return allocated;
}

} // namespace

workload local_churn(int core_count, std::size_t operations_per_core) {
  constexpr std::size_t live = 500;
  workload w = empty_workload(core_count);
  for (std::size_t core = 0; core < w.cores.size(); ++core) {
    quarry_bench::random_numbers random(core);
    auto& stream = w.cores[core];
    std::vector<operation> blocks;
    while (blocks.size() < live) stream.push_back(blocks.emplace_back(allocation(w, random)));
    while (stream.size() < operations_per_core) {
      operation& block = blocks[random.below(live)];
      stream.push_back(freeing(block));
      stream.push_back(block = allocation(w, random));
    }
  }
  return w;
}

workload producer_consumer(int core_count, std::size_t operations_per_core) {
  constexpr std::size_t batch = 64, batches_ahead = 64;
  workload w = empty_workload(core_count);
  const std::size_t pairs = std::max<std::size_t>(1, w.cores.size() / 2);
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    quarry_bench::random_numbers random(pair);
    auto& producer = w.cores[pair];
    auto& consumer = w.cores[(pair + pairs) % w.cores.size()];
    std::vector<operation> sent;
    while (producer.size() < operations_per_core) {
      if (&producer != &consumer && sent.size() >= batch * batches_ahead)
        producer.push_back({sent[sent.size() - batch * (batches_ahead - 1) - 1].block, 0, kind::await_freed});
      for (std::size_t i = 0; i < batch; ++i) producer.push_back(sent.emplace_back(allocation(w, random)));
      for (std::size_t i = batch; i > 0; --i) consumer.push_back(freeing(sent[sent.size() - i]));
    }
  }
  return w;
}

workload generations(int core_count, std::size_t operations_per_core) {
  constexpr std::size_t blocks_each = 2000;
  workload w = empty_workload(core_count);
  std::vector<std::vector<operation>> before(w.cores.size());
  for (std::size_t number = 0; w.cores[0].size() < operations_per_core; ++number) {
    auto living = before;
    for (std::size_t core = 0; core < w.cores.size(); ++core) {
      quarry_bench::random_numbers random(number * w.cores.size() + core);
      auto& stream = w.cores[core];
      living[core].clear();
      while (living[core].size() < blocks_each)
        stream.push_back(living[core].emplace_back(allocation(w, random)));
      for (const operation& block : before[(core + 1) % before.size()]) stream.push_back(freeing(block));
      stream.push_back({0, 0, kind::exit_thread});
    }
    before = std::move(living);
  }
  return w;
}

} // namespace quarry_simulation
