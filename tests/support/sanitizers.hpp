// Which sanitizer a test is built with, and how much shorter its loops are then, so that a run stays within
// seconds.
#pragma once

#include <cstddef>

namespace quarry::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool under_asan = true;
#elif defined(__has_feature)
inline constexpr bool under_asan = __has_feature(address_sanitizer);
#else
inline constexpr bool under_asan = false;
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool under_tsan = true;
#elif defined(__has_feature)
inline constexpr bool under_tsan = __has_feature(thread_sanitizer);
#else
inline constexpr bool under_tsan = false;
#endif

inline constexpr bool under_sanitizer = under_asan || under_tsan;
inline constexpr std::size_t sanitizer_slowdown = under_sanitizer ? 8 : 1;

} // namespace quarry::test
