// One block is allocated and freed, over and over.
#include "node.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <benchmark/benchmark.h>

namespace quarry_bench {

void add_pair(workload_list& list, effort how_much) {
  const auto pairs = how_much.operations(4'000'000);
  list.push_back(on_one_thread("pair", [pairs](const object_source auto& from) {
    return processor_ns_per(pairs, [&] {
      for (std::size_t i = 0; i < pairs; ++i) {
        node* n = from.template allocate_one<node>();
        benchmark::DoNotOptimize(n);
        from.deallocate_one(n);
      }
    });
  }));
}

} // namespace quarry_bench
