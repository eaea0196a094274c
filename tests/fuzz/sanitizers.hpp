#pragma once

namespace quarry::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool fuzz_under_asan = true, fuzz_under_tsan = false;
#elif defined(__SANITIZE_THREAD__)
inline constexpr bool fuzz_under_asan = false, fuzz_under_tsan = true;
#elif defined(__has_feature)
inline constexpr bool fuzz_under_asan = __has_feature(address_sanitizer);
inline constexpr bool fuzz_under_tsan = __has_feature(thread_sanitizer);
#else
inline constexpr bool fuzz_under_asan = false, fuzz_under_tsan = false;
#endif

inline constexpr bool under_sanitizer = fuzz_under_asan || fuzz_under_tsan;

} // namespace quarry::test
