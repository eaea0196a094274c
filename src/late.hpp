// A value that is made later, or never: a pool of a few requests writes no tables that it does not use. Rung
// 0.
#pragma once

#include <memory>
#include <type_traits>

namespace quarry::detail {

template <class T>
class late {
public:
  static_assert(std::is_trivially_destructible_v<T>, "nobody destroys it");

  late() noexcept {}
  T& make() noexcept { return *std::construct_at(&value_); }
  T& get() noexcept { return value_; } ///< expects that it was made

private:
  union {
    T value_;
  };
};

} // namespace quarry::detail
