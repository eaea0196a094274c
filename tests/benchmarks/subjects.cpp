#include "subjects.hpp"

#include "boost_pools.hpp"
#include "floor.hpp"

#include <oneapi/tbb/scalable_allocator.h>

#include <malloc.h>

namespace quarry_bench {
namespace {

using quarry_unsynchronized = quarry::unsynchronized_pool_resource;
using quarry_synchronized = quarry::synchronized_pool_resource;

template <class Pool>
void through_base(std::pmr::memory_resource* upstream, const use_of_source& use) {
  Pool pool(upstream);
  use(virtual_source{&pool});
}

template <class Pool>
void through_concrete_type(std::pmr::memory_resource* upstream, const use_of_source& use) {
  Pool pool(upstream);
  use(concrete_source<Pool>{&pool});
}

template <class Pool>
void through_pool_allocator(std::pmr::memory_resource* upstream, const use_of_source& use) {
  Pool pool(upstream);
  use(typed_source<quarry::pool_allocator<std::byte, Pool>>{&pool});
}

void through_default_pool(std::pmr::memory_resource*, const use_of_source& use) {
  use(typed_source<quarry::allocator<std::byte>>{});
}

void on_floor(std::pmr::memory_resource*, const use_of_source& use) {
  floor_resource floor; // takes its memory from operator new, by definition
  use(virtual_source{&floor});
}

template <std::pmr::memory_resource* (*Get)() noexcept>
void on_process_wide(std::pmr::memory_resource*, const use_of_source& use) {
  use(virtual_source{Get()});
}

} // namespace

const std::vector<subject>& all_subjects() {
  static const std::vector<subject> subjects{
      {"floor", false, false, on_floor},
      {"quarry unsync", false, false, through_base<quarry_unsynchronized>},
      {"quarry sync", true, false, through_base<quarry_synchronized>},
      {"quarry unsync concrete", false, false, through_concrete_type<quarry_unsynchronized>},
      {"quarry sync concrete", true, false, through_concrete_type<quarry_synchronized>},
      {"quarry typed unsync", false, false, through_pool_allocator<quarry_unsynchronized>},
      {"quarry typed default", true, true, through_default_pool},
      {"std unsync", false, false, through_base<std::pmr::unsynchronized_pool_resource>},
      {"std sync", true, false, through_base<std::pmr::synchronized_pool_resource>},
      {"boost unsync", false, false, through_base<boost_unsynchronized_pool>},
      {"boost sync", true, false, through_base<boost_synchronized_pool>},
      {"new/delete", true, true, on_process_wide<std::pmr::new_delete_resource>},
      {"tbb", true, true, on_process_wide<tbb::scalable_memory_resource>},
  };
  return subjects;
}

void give_back_unused_memory() {
  quarry::default_pool().trim();
  scalable_allocation_command(TBBMALLOC_CLEAN_ALL_BUFFERS, nullptr);
  malloc_trim(0);
}

} // namespace quarry_bench
