// The typed allocators in place of std::allocator: traits, conversions, incomplete types, constant
// evaluation, errors.
#include "support.hpp"

#include <quarry/allocator.hpp>

#include <array>
#include <concepts>
#include <limits>
#include <memory>
#include <new>
#include <vector>

namespace quarry::test {
namespace {

template <class T>
using traits = std::allocator_traits<T>;

static_assert(traits<allocator<int>>::is_always_equal::value);
static_assert(std::is_empty_v<allocator<int>> && std::is_nothrow_default_constructible_v<allocator<int>>);
static_assert(std::is_nothrow_convertible_v<allocator<char>, allocator<double>>);
static_assert(std::same_as<traits<allocator<int>>::rebind_alloc<long>, allocator<long>>);
static_assert(allocator<int>() == allocator<long>());

static_assert(!traits<pool_allocator<int>>::is_always_equal::value);
static_assert(sizeof(pool_allocator<int>) == sizeof(void*));
static_assert(std::same_as<pool_allocator<int>, pool_allocator<int, sync>>);
static_assert(std::is_convertible_v<sync*, pool_allocator<int>>);
static_assert(std::is_convertible_v<unsync*, pool_allocator<int, unsync>>);
static_assert(!std::is_default_constructible_v<pool_allocator<int>>);
static_assert(std::is_nothrow_convertible_v<pool_allocator<char>, pool_allocator<double>>);
static_assert(!std::is_convertible_v<pool_allocator<int, unsync>, pool_allocator<int, sync>>);
static_assert(
    std::same_as<traits<pool_allocator<int, unsync>>::rebind_alloc<long>, pool_allocator<long, unsync>>);
static_assert(traits<pool_allocator<int>>::propagate_on_container_move_assignment::value);
static_assert(traits<pool_allocator<int>>::propagate_on_container_swap::value);
static_assert(!traits<pool_allocator<int>>::propagate_on_container_copy_assignment::value);

// The allocator of a type that is not complete yet, as a tree of vectors has it.
struct node {
  int value = 0;
  std::vector<node, allocator<node>> children;
};
struct pooled_node;
using pooled_nodes = std::vector<pooled_node, pool_allocator<pooled_node, unsync>>;
struct pooled_node {
  explicit pooled_node(unsync* pool) : children(pool) {}
  pooled_nodes children;
};

constexpr int sum_to(int n) {
  allocator<int> a;
  int* const p = a.allocate(static_cast<std::size_t>(n));
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += *std::construct_at(p + i, i);
  std::destroy_n(p, n);
  a.deallocate(p, static_cast<std::size_t>(n));
  return sum;
}
static_assert(sum_to(10) == 45);

#if defined(__cpp_lib_constexpr_vector)
constexpr int vector_sum_to(int n) {
  std::vector<int, allocator<int>> v;
  for (int i = 0; i < n; ++i) v.push_back(i);
  int sum = 0;
  for (const int i : v) sum += i;
  return sum;
}
static_assert(vector_sum_to(10) == 45);
#endif

TEST(typed_allocator, of_an_incomplete_type) {
  node tree;
  for (int i = 0; i < 10; ++i) tree.children.push_back({i, std::vector<node, allocator<node>>(5)});
  const node copy = tree;
  EXPECT_EQ(copy.children[9].value, 9);
  EXPECT_EQ(copy.children[9].children.size(), 5u);
  unsync pool;
  pooled_node root(&pool);
  root.children.emplace_back(&pool).children.emplace_back(&pool);
  EXPECT_EQ(root.children[0].children.size(), 1u);
}

TEST(typed_allocator, draws_on_the_default_pool) {
  allocator<std::array<char, 40>> a;
  auto* const p = a.allocate(1);
  EXPECT_TRUE(default_pool().owns(p));
  a.deallocate(p, 1);
  EXPECT_EQ(&default_pool(), &default_pool());
}

TEST(typed_allocator, of_what_no_pool_has_blocks_for) {
  allocator<std::array<char, 2 * largest_block_size>> a;
  auto* const p = a.allocate(1);
  EXPECT_TRUE(default_pool().owns(p));
  p->back() = 1;
  a.deallocate(p, 1);
  EXPECT_FALSE(default_pool().owns(p));
}

TEST(typed_allocator, draws_on_its_pool) {
  ledger_resource upstream;
  sync pool(&upstream);
  pool_allocator<int> a = &pool;
  EXPECT_EQ(a.pool(), &pool);
  int* const p = a.allocate(3);
  EXPECT_TRUE(pool.owns(p));
  EXPECT_GE(pool.statistics().bytes_in_use, 3 * sizeof(int));
  pool_allocator<long> b = a;
  EXPECT_EQ(b.pool(), &pool);
  EXPECT_TRUE(a == b);
  sync other(&upstream);
  EXPECT_TRUE(a != pool_allocator<int>(&other));
  a.deallocate(p, 3);
}

template <class Allocator>
void expect_overflow_refused(Allocator a) {
  using value = typename Allocator::value_type;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  EXPECT_THROW((void)a.allocate(most / sizeof(value) + 1), std::bad_array_new_length);
  EXPECT_THROW((void)a.allocate(most), std::bad_array_new_length);
  EXPECT_THROW((void)a.allocate_at_least(most), std::bad_array_new_length);
}

struct big {
  char bytes[24];
};

// Such a number of bytes there is, if not as many bytes.
TEST(typed_allocator, leaves_it_to_upstream_to_refuse_what_no_machine_has) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  ledger_resource upstream;
  sync pool(&upstream);
  EXPECT_THROW((void)pool_allocator<char>(&pool).allocate(most), ledger_resource::refused);
  EXPECT_THROW((void)pool_allocator<int>(&pool).allocate(most / sizeof(int)), ledger_resource::refused);
}

TEST(typed_allocator, throws_bad_array_new_length_on_overflow) {
  unsync pool;
  expect_overflow_refused(allocator<int>());
  expect_overflow_refused(allocator<big>());
  expect_overflow_refused(pool_allocator<int, unsync>(&pool));
  expect_overflow_refused(pool_allocator<big, unsync>(&pool));
}

template <class Allocator>
void expect_at_least(Allocator a) {
  using value = typename Allocator::value_type;
  for (const std::size_t n : {1u, 2u, 7u, 100u, 1000u, 20'000u}) {
    const allocation_result<value*> got = a.allocate_at_least(n);
    EXPECT_GE(got.count, n);
    for (std::size_t i = 0; i < got.count; ++i) std::construct_at(got.ptr + i);
    a.deallocate(got.ptr, n + (got.count - n) / 2); // any count from the one asked to the one got
    const allocation_result<value*> again = a.allocate_at_least(n);
    a.deallocate(again.ptr, again.count);
  }
}

TEST(typed_allocator, allocate_at_least_tells_the_capacity) {
  ledger_resource upstream;
  sync pool(&upstream);
  expect_at_least(allocator<int>());
  expect_at_least(allocator<big>());
  expect_at_least(pool_allocator<int>(&pool));
  expect_at_least(pool_allocator<big>(&pool));
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  EXPECT_NO_THROW(pool.check_invariants());
}

#if defined(__cpp_lib_allocate_at_least)
TEST(typed_allocator, result_converts_to_the_standard_one) {
  allocator<int> a;
  const std::allocation_result<int*> got = a.allocate_at_least(5);
  EXPECT_GE(got.count, 5u);
  a.deallocate(got.ptr, got.count);
}
#endif

template <std::size_t Alignment>
struct alignas(Alignment) aligned {
  char byte;
};

template <std::size_t Alignment>
void expect_aligned(sync& pool) {
  std::vector<aligned<Alignment>, allocator<aligned<Alignment>>> a(3);
  std::vector<aligned<Alignment>, pool_allocator<aligned<Alignment>>> b(3, &pool);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % Alignment, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % Alignment, 0u);
}

TEST(typed_allocator, keeps_over_alignment) {
  sync pool;
  expect_aligned<32>(pool);
  expect_aligned<64>(pool);
  expect_aligned<512>(pool);
  expect_aligned<4096>(pool);
  expect_aligned<65536>(pool);
}

} // namespace
} // namespace quarry::test
