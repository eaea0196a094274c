// oneTBB's scalable allocator as a memory resource. The one that oneTBB has itself is the same, but not there
// with every standard library.
#pragma once

#include <oneapi/tbb/scalable_allocator.h>

#include <memory_resource>
#include <new>

namespace quarry_bench {

class tbb_resource final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const block = scalable_aligned_malloc(bytes, alignment);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  void do_deallocate(void* block, std::size_t, std::size_t) override { scalable_aligned_free(block); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

inline std::pmr::memory_resource* scalable_memory_resource() noexcept {
  static tbb_resource resource;
  return &resource;
}

} // namespace quarry_bench
