#include "upstream.hpp"

namespace quarry::detail {

void* upstream::allocate(std::size_t bytes, std::size_t alignment) {
  const std::lock_guard guard(mutex_);
  void* const memory = resource_->allocate(bytes, alignment);
  held_.fetch_add(bytes, std::memory_order_relaxed);
  allocations_.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void upstream::deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  const std::lock_guard guard(mutex_);
  held_.fetch_sub(bytes, std::memory_order_relaxed);
  given_.fetch_add(bytes, std::memory_order_relaxed);
  deallocations_.fetch_add(1, std::memory_order_relaxed);
  resource_->deallocate(memory, bytes, alignment);
}

} // namespace quarry::detail
