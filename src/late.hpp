// A value that is made later, or never: a pool of a few requests writes no tables that it does not use. Rung
// 0.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

namespace quarry::detail {

template <class T>
class late {
public:
  T& make() noexcept { return *::new (memory_) T{}; }
  T& get() noexcept { return *std::launder(reinterpret_cast<T*>(memory_)); } ///< expects that it was made

private:
  static_assert(std::is_trivially_destructible_v<T>, "nobody destroys it");
  alignas(T) std::byte memory_[sizeof(T)];
};

} // namespace quarry::detail
