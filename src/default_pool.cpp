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

} // namespace quarry
