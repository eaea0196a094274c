// A list of random numbers is sorted, loses every second kind of them, and is refilled.
#include "../random.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <list>

namespace quarry_bench {

void add_list(workload_list& list, effort how_much) {
  constexpr std::size_t count = 50'000;
  const auto cycles = how_much.operations(10);
  list.push_back(on_one_thread("list sort-remove-refill", [cycles](const container_source auto& from) {
    using number = std::uint64_t;
    std::list<number, allocator_of<number, decltype(from)>> numbers(from.template allocator_for<number>());
    random_numbers random;
    return processor_ns_per(cycles * count, [&] {
      for (std::size_t i = 0; i < cycles; ++i) {
        while (numbers.size() < count) numbers.push_back(random());
        numbers.sort();
        numbers.remove_if([&](number) { return random() % 2 == 0; });
      }
    });
  }));
}

} // namespace quarry_bench
