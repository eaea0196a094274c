// The one door to the upstream resource. Rung 0.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory_resource>

#include "optional_mutex.hpp"

namespace quarry::detail {

/// Calls upstream one at a time and counts. The mutex is recursive, since upstream may call back into the
/// pool, and guards nothing else; it is the only lock ever held over an upstream call.
class upstream {
public:
  upstream(std::pmr::memory_resource* resource, bool shared) noexcept : resource_(resource), mutex_(shared) {}

  std::pmr::memory_resource* resource() const noexcept { return resource_; }
  optional_recursive_mutex& mutex() noexcept { return mutex_; }

  /// Throws what upstream throws, and then nothing has changed.
  void* allocate(std::size_t bytes, std::size_t alignment);
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept;

  std::size_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
  std::size_t given() const noexcept {
    return given_.load(std::memory_order_relaxed);
  } ///< bytes ever given back
  std::size_t allocations() const noexcept { return allocations_.load(std::memory_order_relaxed); }
  std::size_t deallocations() const noexcept { return deallocations_.load(std::memory_order_relaxed); }

private:
  std::pmr::memory_resource* const resource_;
  optional_recursive_mutex mutex_;
  std::atomic<std::size_t> held_ = 0;
  std::atomic<std::size_t> given_ = 0;
  std::atomic<std::size_t> allocations_ = 0;
  std::atomic<std::size_t> deallocations_ = 0;
};

} // namespace quarry::detail
