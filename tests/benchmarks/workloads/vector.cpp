// Vectors that grow by push_back to random lengths; some live on while others grow.
#include "../random.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <vector>

namespace quarry_bench {
namespace {

constexpr std::size_t alive = 100, longest = 1000;

} // namespace

void add_vector(workload_list& list, effort how_much) {
  const auto vectors = how_much.operations(20'000);
  list.push_back(on_one_thread("vector growth", [vectors](const container_source auto& from) {
    using number = std::uint32_t;
    using numbers = std::vector<number, allocator_of<number, decltype(from)>>;
    std::vector<numbers> slots; // no copies of one empty vector: a copy would draw on the default resource
    while (slots.size() < alive) slots.emplace_back(from.template allocator_for<number>());
    random_numbers random;
    return processor_ns_per(vectors, [&] {
      for (std::size_t i = 0; i < vectors; ++i) {
        numbers grown(from.template allocator_for<number>());
        const std::size_t length = random.between(1, longest);
        while (grown.size() < length) grown.push_back(static_cast<number>(i));
        slots[random.below(alive)].swap(grown);
      }
    });
  }));
}

} // namespace quarry_bench
