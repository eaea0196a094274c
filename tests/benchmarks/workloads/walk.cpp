// A list is built from blocks that had been freed in random order, then walked: what is timed is the walk
// alone, and so how near to each other the blocks are.
#include "node.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <benchmark/benchmark.h>

namespace quarry_bench {

void add_walk(workload_list& list, effort how_much) {
  constexpr std::size_t count = 200'000;
  const auto walks = how_much.operations(20);
  list.push_back(on_one_thread("walk after shuffled frees", [walks](const object_source auto& from) {
    std::vector<node*> nodes(count);
    allocate_all(from, nodes);
    shuffle(nodes);
    deallocate_all(from, nodes);
    allocate_all(from, nodes);
    for (std::size_t i = 1; i < count; ++i) nodes[i - 1]->next = nodes[i];
    const double ns = processor_ns_per(walks * count, [&] {
      for (std::size_t i = 0; i < walks; ++i)
        for (node* n = nodes.front(); n != nullptr; n = n->next) benchmark::DoNotOptimize(n);
    });
    deallocate_all(from, nodes);
    return ns;
  }));
}

} // namespace quarry_bench
