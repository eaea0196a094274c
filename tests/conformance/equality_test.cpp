// Two pools are equal when they are one.
#include "subjects.hpp"

namespace quarry::test {
namespace {

QUARRY_SUITE(equality, every_pool);

// Fails the test when anybody asks it anything.
class untouchable_resource final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t, std::size_t) override {
    ADD_FAILURE() << "asked for memory";
    throw std::bad_alloc();
  }
  void do_deallocate(void*, std::size_t, std::size_t) override { ADD_FAILURE() << "given memory"; }
  bool do_is_equal(const std::pmr::memory_resource&) const noexcept override {
    ADD_FAILURE() << "asked for equality";
    return true;
  }
};

QUARRY_CASE(equality, is_identity) {
  const Pool a, b;
  EXPECT_TRUE(a == a);
  EXPECT_FALSE(a != a);
  EXPECT_TRUE(a.is_equal(a));
  EXPECT_FALSE(a == b);
  EXPECT_FALSE(b == a);
  EXPECT_TRUE(a != b);
  EXPECT_TRUE(b != a);
  EXPECT_FALSE(a.is_equal(b));
  EXPECT_FALSE(b.is_equal(a));
}

QUARRY_CASE(equality, is_the_same_through_the_base_class) {
  const Pool a, b;
  const std::pmr::memory_resource &base_a = a, &base_b = b;
  EXPECT_TRUE(base_a == base_a);
  EXPECT_TRUE(base_a == a);
  EXPECT_TRUE(a == base_a);
  EXPECT_TRUE(base_a != base_b);
  EXPECT_TRUE(base_a != b);
  EXPECT_TRUE(b != base_a);
}

QUARRY_CASE(equality, with_another_type_asks_only_the_pool) {
  const Pool pool;
  const untouchable_resource other;
  EXPECT_FALSE(pool == other);
  EXPECT_TRUE(pool != other);
  EXPECT_FALSE(pool.is_equal(other));
}

QUARRY_CASE(equality, ignores_a_shared_upstream_and_equal_options) {
  std::pmr::monotonic_buffer_resource up;
  const Pool a({4, 64}, &up), b({4, 64}, &up);
  EXPECT_FALSE(a == b);
}

} // namespace
} // namespace quarry::test
