#pragma once

#include "../support/sanitizers.hpp"
#include "known_failures.hpp"

#include <gtest/gtest.h>
#include <memory_resource>
#include <quarry/pool_resource.hpp>
#include <string>
#include <type_traits>

namespace quarry::test {

using std_unsynchronized = std::pmr::unsynchronized_pool_resource;
using std_synchronized = std::pmr::synchronized_pool_resource;

template <class Pool>
inline constexpr bool is_ours =
    !std::is_same_v<Pool, std_unsynchronized> && !std::is_same_v<Pool, std_synchronized>;

struct subject_name {
  template <class Pool>
  static std::string GetName(int) {
    if (std::is_same_v<Pool, std_unsynchronized>) return "std_unsynchronized";
    if (std::is_same_v<Pool, std_synchronized>) return "std_synchronized";
    return std::is_same_v<Pool, quarry::unsynchronized_pool_resource> ? "unsynchronized" : "synchronized";
  }
};

// Under AddressSanitizer blocks have poisoned tails and chunks hold fewer of them: bounds on memory don't
// apply. Under ThreadSanitizer every lock costs more the more threads there are: counted instructions mean
// nothing.
inline constexpr bool bounds_apply = !under_asan, instructions_count = !under_tsan;

using our_pools = ::testing::Types<quarry::unsynchronized_pool_resource, quarry::synchronized_pool_resource>;
using our_synchronized_pool = ::testing::Types<quarry::synchronized_pool_resource>;

// What std's pools do, and fail to do, is seen without a sanitizer.
inline constexpr bool has_std_pools = bounds_apply && instructions_count;
using every_pool = std::conditional_t<
    has_std_pools,
    ::testing::Types<quarry::unsynchronized_pool_resource, quarry::synchronized_pool_resource,
                     std_unsynchronized, std_synchronized>,
    our_pools>;
using every_synchronized_pool =
    std::conditional_t<has_std_pools, ::testing::Types<quarry::synchronized_pool_resource, std_synchronized>,
                       our_synchronized_pool>;

} // namespace quarry::test

// QUARRY_SUITE(suite, subjects) names a suite run once per subject; QUARRY_CASE(suite, name) { ... } is one
// property, with the subject's type as `Pool`.
#define QUARRY_SUITE(suite, subjects)                                                                        \
  template <class>                                                                                           \
  class suite : public ::testing::Test {};                                                                   \
  TYPED_TEST_SUITE(suite, subjects, subject_name)

#define QUARRY_CASE(suite, name)                                                                             \
  template <class Pool>                                                                                      \
  struct suite##_##name##_case {                                                                             \
    static void holds();                                                                                     \
  };                                                                                                         \
  TYPED_TEST(suite, name) { run_case(&suite##_##name##_case<TypeParam>::holds); }                            \
  template <class Pool>                                                                                      \
  void suite##_##name##_case<Pool>::holds()
