// A map from integers to integers is filled at random, emptied by half at random, filled again, and cleared.
#include "../random.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <map>

namespace quarry_bench {

void add_map(workload_list& list, effort how_much) {
  constexpr std::size_t count = 20'000;
  const auto cycles = how_much.operations(10);
  list.push_back(on_one_thread("map", [cycles](const container_source auto& from) {
    using key = std::uint64_t;
    using allocator = allocator_of<std::pair<const key, key>, decltype(from)>;
    std::map<key, key, std::less<>, allocator> map(
        from.template allocator_for<typename allocator::value_type>());
    random_numbers random;
    const auto fill = [&](std::size_t times) {
      for (std::size_t i = 0; i < times; ++i) map.try_emplace(random.below(count), i);
    };
    return processor_ns_per(cycles * count * 3, [&] {
      for (std::size_t i = 0; i < cycles; ++i) {
        fill(count);
        for (std::size_t erased = 0; erased < count; ++erased) map.erase(random.below(count));
        fill(count);
        map.clear();
      }
    });
  }));
}

} // namespace quarry_bench
