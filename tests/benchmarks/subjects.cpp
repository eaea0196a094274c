#include "subjects.hpp"

#include "floor.hpp"
#include "preloaded_malloc.hpp"
#include "replay/boost_pools.hpp"
#include "tbb_resource.hpp"

namespace quarry_bench {
using namespace quarry_replay;

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

void on_segments(std::pmr::memory_resource* upstream, const use_of_source& use) {
  quarry::segment_pool pool({}, upstream);
  use(segment_source{&pool});
}

template <class Yardstick>
void on_yardstick(std::pmr::memory_resource*, const use_of_source& use) {
  use(Yardstick{});
}

void on_floor(std::pmr::memory_resource*, const use_of_source& use) {
  floor_resource floor; // takes its memory from operator new, by definition
  use(virtual_source{&floor});
}

template <std::pmr::memory_resource* (*Get)() noexcept>
void on_process_wide(std::pmr::memory_resource*, const use_of_source& use) {
  use(virtual_source{Get()});
}

void give_back_default_pool() {
  quarry::default_pool().trim();
  give_back_malloc();
}

void give_back_tbb() {
  scalable_allocation_command(TBBMALLOC_CLEAN_ALL_BUFFERS, nullptr);
  give_back_malloc();
}

} // namespace

const std::vector<subject>& all_subjects() {
  static const std::vector<subject> subjects{
      {"floor", false, on_floor, give_back_malloc},
      {"quarry unsync", false, through_base<quarry_unsynchronized>, give_back_malloc},
      {"quarry sync", true, through_base<quarry_synchronized>, give_back_malloc},
      {"quarry unsync concrete", false, through_concrete_type<quarry_unsynchronized>, give_back_malloc},
      {"quarry sync concrete", true, through_concrete_type<quarry_synchronized>, give_back_malloc},
      {"quarry typed unsync", false, through_pool_allocator<quarry_unsynchronized>, give_back_malloc},
      {"quarry typed default", true, through_default_pool, give_back_default_pool},
      {"std unsync", false, through_base<std::pmr::unsynchronized_pool_resource>, give_back_malloc},
      {"std sync", true, through_base<std::pmr::synchronized_pool_resource>, give_back_malloc},
      {"boost unsync", false, through_base<boost_unsynchronized_pool>, give_back_malloc},
      {"boost sync", true, through_base<boost_synchronized_pool>, give_back_malloc},
      {"new/delete", true, on_process_wide<std::pmr::new_delete_resource>, give_back_malloc},
      {"quarry segments", true, on_segments, give_back_malloc},
      {"std::shared_ptr", false, on_yardstick<shared_ptr_source>, give_back_malloc},
      {"memcpy", false, on_yardstick<memcpy_source>, give_back_malloc},
      {"tbb", true, on_process_wide<scalable_memory_resource>, give_back_tbb},
  };
  return subjects;
}

} // namespace quarry_bench
