// What allocate_at_least returns. Rung 0.
#pragma once

#include <cstddef>
#if __cplusplus > 202002L
#include <memory> // std::allocation_result; costly, so not before it exists
#endif

namespace quarry {

/// Memory for `count` objects, at least as many as asked for. Converts to C++23's std::allocation_result.
template <class Pointer, class Size = std::size_t>
struct allocation_result {
  Pointer ptr;
  Size count;

#ifdef __cpp_lib_allocate_at_least
  constexpr operator std::allocation_result<Pointer, Size>() const noexcept { return {ptr, count}; }
#endif
};

/// A block of `size` bytes, at least as many as asked for.
template <>
struct allocation_result<void*, std::size_t> {
  void* ptr;
  std::size_t size;
};

} // namespace quarry
