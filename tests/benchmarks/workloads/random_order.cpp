// 100k blocks are allocated, then freed in random order.
#include "node.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <numeric>

namespace quarry_bench {
namespace {

std::vector<std::uint32_t> random_permutation(std::size_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), random_numbers{});
  return order;
}

} // namespace

void add_random_order(workload_list& list, effort how_much) {
  constexpr std::size_t count = 100'000;
  const auto cycles = how_much.operations(10);
  list.push_back(on_one_thread("100k random order", [cycles](const object_source auto& from) {
    const auto order = random_permutation(count);
    std::vector<node*> nodes(count);
    const auto cycle = [&] {
      allocate_all(from, nodes);
      for (const auto i : order) from.deallocate_one(nodes[i]);
    };
    cycle();
    return processor_ns_per(cycles * count, [&] {
      for (std::size_t i = 0; i < cycles; ++i) cycle();
    });
  }));
}

} // namespace quarry_bench
