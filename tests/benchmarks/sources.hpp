// Three ways to ask for memory: through memory_resource's virtual functions, through the concrete pool type
// (whose calls can be inlined), and through a typed allocator. A workload is written once over all of them
// and says by a concept what it needs.
#pragma once

#include <quarry/segment_pool.hpp>

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <type_traits>

namespace quarry_bench {

struct virtual_source {
  std::pmr::memory_resource* resource;

  void* allocate(std::size_t bytes, std::size_t alignment) const {
    return resource->allocate(bytes, alignment);
  }
  void deallocate(void* block, std::size_t bytes, std::size_t alignment) const {
    resource->deallocate(block, bytes, alignment);
  }
  template <class T>
  T* allocate_one() const {
    return static_cast<T*>(allocate(sizeof(T), alignof(T)));
  }
  template <class T>
  void deallocate_one(T* block) const {
    deallocate(block, sizeof(T), alignof(T));
  }
  template <class T>
  std::pmr::polymorphic_allocator<T> allocator_for() const {
    return resource;
  }
};

template <class Pool>
struct concrete_source {
  Pool* pool;

  void* allocate(std::size_t bytes, std::size_t alignment) const { return pool->allocate(bytes, alignment); }
  void deallocate(void* block, std::size_t bytes, std::size_t alignment) const {
    pool->deallocate(block, bytes, alignment);
  }
  template <class T>
  T* allocate_one() const {
    return static_cast<T*>(allocate(sizeof(T), alignof(T)));
  }
  template <class T>
  void deallocate_one(T* block) const {
    deallocate(block, sizeof(T), alignof(T));
  }
};

template <class Allocator>
struct typed_source {
  Allocator origin;

  template <class T>
  auto allocator_for() const {
    return typename std::allocator_traits<Allocator>::template rebind_alloc<T>(origin);
  }
  template <class T>
  T* allocate_one() const {
    return allocator_for<T>().allocate(1);
  }
  template <class T>
  void deallocate_one(T* block) const {
    allocator_for<T>().deallocate(block, 1);
  }
};

// Has segments, and nothing else here.
struct segment_source {
  quarry::segment_pool* pool;
};

// Yardsticks, each of one workload.
struct shared_ptr_source {};
struct memcpy_source {};

// Serves requests of any size and alignment.
template <class S>
concept raw_source = requires(const S& s, void* block) {
  block = s.allocate(std::size_t{1}, std::size_t{1});
  s.deallocate(block, std::size_t{1}, std::size_t{1});
};

// Serves blocks of one type.
template <class S>
concept object_source = requires(const S& s, int* block) {
  block = s.template allocate_one<int>();
  s.template deallocate_one<int>(block);
};

// Has allocators for containers.
template <class S>
concept container_source = requires(const S& s) {
  s.template allocator_for<int>();
};

// What a container template's allocator argument is with a given source.
template <class T, class Source>
using allocator_of = decltype(std::declval<const Source&>().template allocator_for<T>());

} // namespace quarry_bench
