// What a pool is before anybody asks it for memory.
#include "../support/ledger_resource.hpp"
#include "subjects.hpp"

namespace quarry::test {
namespace {

QUARRY_SUITE(construction, every_pool);

// Sets the default resource for a scope.
class default_resource_scope {
public:
  explicit default_resource_scope(std::pmr::memory_resource* r)
      : before_(std::pmr::set_default_resource(r)) {}
  ~default_resource_scope() { std::pmr::set_default_resource(before_); }
  default_resource_scope(const default_resource_scope&) = delete;
  default_resource_scope& operator=(const default_resource_scope&) = delete;

private:
  std::pmr::memory_resource* before_;
};

QUARRY_CASE(construction, takes_options_and_upstream_in_every_spelling) {
  ledger_resource up;
  const std::pmr::pool_options options{10, 16};
  Pool direct(options, &up);
  Pool copied_list = {options, &up};
  Pool nested({10, 16}, &up);
  Pool braces{{10, 16}, &up};
  Pool only_upstream{&up};
  Pool only_upstream_parens(&up);
  for (const Pool* pool : {&direct, &copied_list, &nested, &braces, &only_upstream, &only_upstream_parens})
    EXPECT_EQ(pool->upstream_resource(), &up);
}

QUARRY_CASE(construction, without_upstream_takes_the_default_resource) {
  ledger_resource up;
  const default_resource_scope scope(&up);
  const Pool plain;
  const Pool with_options{std::pmr::pool_options{1, 2}};
  EXPECT_EQ(plain.upstream_resource(), &up);
  EXPECT_EQ(with_options.upstream_resource(), &up);
}

QUARRY_CASE(construction, captures_the_default_resource_of_that_moment) {
  ledger_resource first, later;
  const default_resource_scope scope(&first);
  Pool pool;
  const default_resource_scope inner(&later);
  EXPECT_EQ(pool.upstream_resource(), &first);
  void* const p = pool.allocate(10);
  EXPECT_GT(first.held(), 0u);
  EXPECT_EQ(later.calls(), 0u);
  pool.deallocate(p, 10);
}

QUARRY_CASE(construction, takes_null_memory_resource_as_default) {
  const default_resource_scope scope(std::pmr::null_memory_resource());
  const Pool plain;
  const Pool with_options(std::pmr::pool_options{0, 0});
  EXPECT_EQ(plain.upstream_resource(), std::pmr::null_memory_resource());
  EXPECT_EQ(with_options.upstream_resource(), std::pmr::null_memory_resource());
}

QUARRY_CASE(construction, and_destruction_call_nobody) {
  ledger_resource up;
  const default_resource_scope scope(&up);
  {
    const Pool a, b(&up), c(std::pmr::pool_options{1024, 2048}), d({1024, 2048}, &up);
    EXPECT_EQ(up.calls(), 0u);
  }
  EXPECT_EQ(up.calls(), 0u);
}

QUARRY_CASE(construction, is_noexcept) {
  EXPECT_TRUE(std::is_nothrow_default_constructible_v<Pool>);
  EXPECT_TRUE((std::is_nothrow_constructible_v<Pool, const std::pmr::pool_options&>));
  EXPECT_TRUE((std::is_nothrow_constructible_v<Pool, std::pmr::memory_resource*>));
  EXPECT_TRUE(
      (std::is_nothrow_constructible_v<Pool, const std::pmr::pool_options&, std::pmr::memory_resource*>));
}

QUARRY_CASE(construction, one_argument_is_explicit) {
  EXPECT_FALSE((std::is_convertible_v<const std::pmr::pool_options&, Pool>));
  EXPECT_FALSE((std::is_convertible_v<std::pmr::memory_resource*, Pool>));
}

QUARRY_CASE(construction, pools_are_not_copied_or_moved) {
  EXPECT_FALSE(std::is_copy_constructible_v<Pool>);
  EXPECT_FALSE(std::is_copy_assignable_v<Pool>);
  EXPECT_FALSE(std::is_move_constructible_v<Pool>);
  EXPECT_FALSE(std::is_move_assignable_v<Pool>);
  EXPECT_TRUE(std::is_nothrow_destructible_v<Pool>);
  EXPECT_TRUE((std::is_base_of_v<std::pmr::memory_resource, Pool>));
}

QUARRY_CASE(construction, accessors_have_std_s_signatures) {
  EXPECT_TRUE((
      std::is_same_v<decltype(std::declval<const Pool&>().upstream_resource()), std::pmr::memory_resource*>));
  EXPECT_TRUE((std::is_same_v<decltype(std::declval<const Pool&>().options()), std::pmr::pool_options>));
  EXPECT_TRUE((std::is_same_v<decltype(std::declval<Pool&>().release()), void>));
}

// On purpose, so that calls on the concrete type inline; std allows deriving.
QUARRY_CASE(construction, class_is_final) { EXPECT_TRUE(std::is_final_v<Pool>); }

} // namespace
} // namespace quarry::test
