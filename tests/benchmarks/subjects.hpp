// What is measured: a name, what it can be asked for, and how to get a fresh instance.
#pragma once

#include "sources.hpp"

#include <quarry/allocator.hpp>
#include <quarry/pool_resource.hpp>

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace quarry_bench {

using source = std::variant<virtual_source, concrete_source<quarry::unsynchronized_pool_resource>,
                            concrete_source<quarry::synchronized_pool_resource>,
                            typed_source<quarry::allocator<std::byte>>,
                            typed_source<quarry::pool_allocator<std::byte, quarry::unsynchronized_pool_resource>>>;

// What is done with an instance that lives for the length of the call.
using use_of_source = std::function<void(const source&)>;

struct subject {
  std::string name;
  bool thread_safe;
  bool process_wide; // there is one of it per process: nothing to construct, destroy or count
  void (*with_fresh)(std::pmr::memory_resource* upstream, const use_of_source& use);
};

const std::vector<subject>& all_subjects();

// Called before each run, so that every subject starts without memory that an earlier one left behind.
void give_back_unused_memory();

} // namespace quarry_bench
