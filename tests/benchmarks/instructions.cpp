// Allocates and frees one block N times, by the way named: for counting instructions under callgrind, where
// the difference between two values of N is free of everything but the pairs
// (tests/benchmarks/count_instructions).
#include "floor.hpp"

#include <quarry/allocator.hpp>
#include <quarry/pool_resource.hpp>
#include <quarry/segment_pool.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

struct object {
  void* words[3];
};

// The compiler does not see which resource it is: functions that are not inlined may still be cloned.
void virtual_pairs(std::pmr::memory_resource* resource, unsigned long count) {
  benchmark::DoNotOptimize(resource);
  for (; count != 0; --count) {
    void* block = resource->allocate(sizeof(object), alignof(object));
    benchmark::DoNotOptimize(block);
    resource->deallocate(block, sizeof(object), alignof(object));
  }
}

template <class Allocator>
[[gnu::noinline]] void typed_pairs(Allocator allocator, unsigned long count) {
  for (; count != 0; --count) {
    object* block = allocator.allocate(1);
    benchmark::DoNotOptimize(block);
    allocator.deallocate(block, 1);
  }
}

template <class Pool>
void virtual_pairs_on(unsigned long count) {
  Pool pool;
  virtual_pairs(&pool, count);
}

template <class Pool>
void typed_pairs_on(unsigned long count) {
  Pool pool;
  typed_pairs(quarry::pool_allocator<object, Pool>(&pool), count);
}

void default_pool_pairs(unsigned long count) { typed_pairs(quarry::allocator<object>(), count); }

void segment_pairs(unsigned long count) {
  quarry::segment_pool pool;
  for (; count != 0; --count) {
    const quarry::segment s = pool.allocate_segment(4096);
    const std::byte* data = s.data();
    benchmark::DoNotOptimize(data);
  }
}

[[gnu::noinline]] void empty_pairs(unsigned long count) {
  object here{};
  for (; count != 0; --count) {
    object* block = &here;
    benchmark::DoNotOptimize(block);
  }
}

constexpr struct {
  const char* name;
  void (*run)(unsigned long);
} ways[] = {
    {"empty", empty_pairs},
    {"floor", virtual_pairs_on<quarry_bench::floor_resource>},
    {"unsynchronized", virtual_pairs_on<quarry::unsynchronized_pool_resource>},
    {"synchronized", virtual_pairs_on<quarry::synchronized_pool_resource>},
    {"typed-unsynchronized", typed_pairs_on<quarry::unsynchronized_pool_resource>},
    {"typed-synchronized", typed_pairs_on<quarry::synchronized_pool_resource>},
    {"typed-default", default_pool_pairs},
    {"segment", segment_pairs},
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 3)
    for (const auto& [name, run] : ways)
      if (name == std::string(argv[1])) return run(std::strtoul(argv[2], nullptr, 10)), 0;
  std::cerr << "usage: quarry_instructions WAY PAIRS; ways:";
  for (const auto& way : ways) std::cerr << ' ' << way.name;
  std::cerr << '\n';
  return 2;
}
