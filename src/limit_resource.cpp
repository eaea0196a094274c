#include <quarry/limit_resource.hpp>

#include <new>

namespace quarry {

// Taken before upstream gives, given back after upstream has taken: upstream never has more out.
bool limit_resource::take(std::size_t bytes) noexcept {
  std::size_t left = left_.load_acquire();
  do {
    if (left < bytes) return false;
  } while (!left_.compare_exchange_acquire(left, left - bytes));
  return true;
}

void* limit_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (!take(bytes)) throw std::bad_alloc();
  try {
    return upstream_->allocate(bytes, alignment);
  } catch (...) {
    left_.add_release(bytes);
    throw;
  }
}

void limit_resource::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
  upstream_->deallocate(memory, bytes, alignment);
  left_.add_release(bytes);
}

} // namespace quarry
