#include "upstream.hpp"

#include <cstdint>
#include <new>

#include "poison.hpp"

namespace quarry::detail {

namespace {

// libstdc++'s operator new rounds the size up to the alignment; of one that is too large for that it would
// give next to nothing.
bool would_wrap(const std::pmr::memory_resource* up, std::size_t bytes, std::size_t alignment) noexcept {
  return bytes > SIZE_MAX - (alignment - 1) && up == std::pmr::new_delete_resource();
}

} // namespace

void* upstream::allocate(std::size_t bytes, std::size_t alignment) {
  if (would_wrap(resource_, bytes, alignment)) throw std::bad_alloc();
  const std::lock_guard guard(mutex_);
  // Where there is a limit it is counted before the call: upstream may call back, and then both are within.
  const std::size_t promised = limit_ == no_limit ? 0 : bytes;
  if (promised > limit_ - held()) throw std::bad_alloc();
  held_ += promised;
  void* memory;
  try {
    memory = resource_->allocate(bytes, alignment);
  } catch (...) {
    held_ -= promised;
    throw;
  }
  held_ += bytes - promised;
  allocations_ += 1;
  return memory;
}

void upstream::deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  const std::lock_guard guard(mutex_);
  unpoison(memory, bytes); // what goes back is clean
  resource_->deallocate(memory, bytes, alignment);
  held_ -= bytes;
  deallocations_ += 1;
}

} // namespace quarry::detail
