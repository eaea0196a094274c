// Two threads at a time allocate blocks, free those that the generation before handed on, and end.
#include "../random.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <array>
#include <thread>

namespace quarry_bench {
namespace {

constexpr std::size_t blocks_each = 2000;

struct inheritance {
  struct block {
    void* address;
    std::size_t size;
  };
  std::vector<block> blocks;
};

template <class Source>
inheritance allocate_blocks(const Source& from, std::size_t seed) {
  random_numbers random(seed);
  inheritance made;
  made.blocks.reserve(blocks_each);
  while (made.blocks.size() < blocks_each) {
    const std::size_t size = random.between(1, 64) * sizeof(std::size_t);
    made.blocks.push_back({::new (from.allocate(size, alignof(std::size_t))) std::size_t{size}, size});
  }
  return made;
}

template <class Source>
void deallocate_blocks(const Source& from, const inheritance& old) {
  for (const auto& [address, size] : old.blocks) from.deallocate(address, size, alignof(std::size_t));
}

using generation = std::array<inheritance, 2>;

// Each thread frees what the other line's thread left.
template <class Source>
generation next_generation(const Source& from, const generation& old, std::size_t number) {
  generation fresh;
  const auto live = [&](std::size_t line) {
    fresh[line] = allocate_blocks(from, 2 * number + line);
    deallocate_blocks(from, old[1 - line]);
  };
  std::thread first([&] { live(0); }), second([&] { live(1); });
  first.join();
  second.join();
  return fresh;
}

} // namespace

void add_generations(workload_list& list, effort how_much) {
  const auto generations = how_much.operations(200);
  list.push_back(on_threads("generations of threads", [=](const raw_source auto& from) {
    generation living;
    const double ns = wall_ns_per(generations * 2 * blocks_each, [&] {
      for (std::size_t number = 0; number < generations; ++number)
        living = next_generation(from, living, number);
    });
    for (const auto& left : living) deallocate_blocks(from, left);
    return ns;
  }));
}

} // namespace quarry_bench
