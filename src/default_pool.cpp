#include <new>

#include <quarry/allocator.hpp>
#include <quarry/page_resource.hpp>

namespace quarry {

synchronized_pool_resource& default_pool() noexcept {
  alignas(synchronized_pool_resource) static std::byte storage[sizeof(synchronized_pool_resource)];
  static auto* const pool = [] {
    auto* const made = ::new (storage) synchronized_pool_resource(page_resource()); // never destroyed
    made->be_default();
    return made;
  }();
  return *pool;
}

void detail::throw_bad_array_new_length() { throw std::bad_array_new_length(); }

void* detail::allocate_from_default_pool(std::size_t bytes, std::size_t alignment) {
  return default_pool().allocate(bytes, alignment);
}

void detail::deallocate_to_default_pool(void* p, std::size_t bytes, std::size_t alignment) noexcept {
  default_pool().deallocate(p, bytes, alignment);
}

} // namespace quarry
