// 1000 blocks are allocated, then freed in reverse order.
#include "node.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

namespace quarry_bench {

void add_lifo(workload_list& list, effort how_much) {
  constexpr std::size_t depth = 1000;
  const auto cycles = how_much.operations(2000);
  list.push_back(on_one_thread("lifo 1000 deep", [cycles](const object_source auto& from) {
    std::vector<node*> stack(depth);
    const auto cycle = [&] {
      allocate_all(from, stack);
      for (auto top = stack.rbegin(); top != stack.rend(); ++top) from.deallocate_one(*top);
    };
    cycle();
    return processor_ns_per(cycles * depth, [&] {
      for (std::size_t i = 0; i < cycles; ++i) cycle();
    });
  }));
}

} // namespace quarry_bench
