// The one door to the upstream resource. Rung 0.
#pragma once

#include <cstddef>
#include <memory_resource>

#include "optional_mutex.hpp"
#include "relaxed.hpp"

namespace quarry::detail {

class upstream;

/// Who must know what blocks lie in, between the pool and upstream.
class region_keeper {
public:
  virtual void* obtain(upstream& up, std::size_t bytes, std::size_t alignment) = 0;
  /// False when it is kept.
  virtual bool give_back(upstream& up, void* memory) noexcept = 0;
  virtual std::size_t id_of(const void* memory) const noexcept = 0;

protected:
  ~region_keeper() = default;
};

/// Calls upstream one at a time and counts. The mutex is recursive, since upstream may call back into the
/// pool, and guards nothing else; it is the only lock ever held over an upstream call.
class upstream {
public:
  upstream(std::pmr::memory_resource* resource, bool shared) noexcept : resource_(resource), mutex_(shared) {}
  /// One that never holds more than `limit` bytes.
  upstream(std::pmr::memory_resource* resource, std::size_t limit, region_keeper& regions) noexcept
      : resource_(resource), mutex_(true), limit_(limit), regions_(&regions) {}

  std::pmr::memory_resource* resource() const noexcept { return resource_; }
  optional_patient_mutex& mutex() noexcept { return mutex_; }

  /// Throws what upstream throws, or std::bad_alloc over the limit, and then nothing has changed.
  void* allocate(std::size_t bytes, std::size_t alignment);
  void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept;

  /// The same for memory that blocks will lie in.
  void* allocate_region(std::size_t bytes, std::size_t alignment) {
    return regions_ == nullptr ? allocate(bytes, alignment) : regions_->obtain(*this, bytes, alignment);
  }
  /// False when it is held.
  bool deallocate_region(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
    if (regions_ != nullptr) return regions_->give_back(*this, memory);
    deallocate(memory, bytes, alignment);
    return true;
  }
  std::size_t region_id_of(const void* memory) const noexcept {
    return regions_ == nullptr ? 0 : regions_->id_of(memory);
  }

  std::size_t held() const noexcept { return held_; }
  std::size_t allocations() const noexcept { return allocations_; }
  std::size_t deallocations() const noexcept { return deallocations_; }

private:
  static constexpr std::size_t no_limit = ~std::size_t{0};

  std::pmr::memory_resource* const resource_;
  optional_patient_mutex mutex_;
  const std::size_t limit_ = no_limit;
  region_keeper* const regions_ = nullptr;
  // Written under the mutex.
  relaxed<std::size_t> held_, allocations_, deallocations_;
};

} // namespace quarry::detail
