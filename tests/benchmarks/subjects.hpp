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

using source =
    std::variant<virtual_source, concrete_source<quarry::unsynchronized_pool_resource>,
                 concrete_source<quarry::synchronized_pool_resource>,
                 typed_source<quarry::allocator<std::byte>>,
                 typed_source<quarry::pool_allocator<std::byte, quarry::unsynchronized_pool_resource>>,
                 segment_source, shared_ptr_source, memcpy_source>;

// What is done with an instance that lives for the length of the call.
using use_of_source = std::function<void(const source&)>;

struct subject {
  std::string name;
  bool thread_safe;
  void (*with_fresh)(std::pmr::memory_resource* upstream, const use_of_source& use);
  void (*give_back)(); // what it keeps after a use, so that the next subject starts without it
};

const std::vector<subject>& all_subjects();

} // namespace quarry_bench
