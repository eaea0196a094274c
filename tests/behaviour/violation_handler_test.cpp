// The process-wide handler: what set_violation_handler returns, and what the default does.
#include "support.hpp"

#include <quarry/violation.hpp>

#include <csignal>

namespace quarry::test {
namespace {

void ignore(const violation&, void*) noexcept {}

TEST(violation_handler_setting, returns_the_old_one) {
  int context = 0;
  const violation_handler first = set_violation_handler({&ignore, &context});
  EXPECT_EQ(first.report, nullptr);
  const violation_handler second = set_violation_handler({});
  EXPECT_EQ(second.report, &ignore);
  EXPECT_EQ(second.context, &context);
  EXPECT_EQ(set_violation_handler({}).report, nullptr);
}

TEST(violation_handler_setting, is_atomic_under_threads) {
  int contexts[4] = {};
  on_threads(4, [&](std::size_t thread) {
    for (int i = 0; i < 2000; ++i) {
      const violation_handler old = set_violation_handler({&ignore, &contexts[thread]});
      EXPECT_EQ(old.report == nullptr, old.context == nullptr); // never one of the two alone
    }
  });
  set_violation_handler({});
}

template <class Pool>
class default_handler : public ::testing::Test {
protected:
  default_handler() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
TYPED_TEST_SUITE(default_handler, both_pools, pool_names);

template <class Pool>
void free_twice() {
  Pool pool;
  const void* const kept = pool.allocate(64, 8); // keeps the slab
  void* const p = pool.allocate(64, 8);
  pool.deallocate(p, 64, 8);
  pool.deallocate(p, 64, 8);
  pool.trim();
  EXPECT_TRUE(pool.owns(kept));
}

template <class Pool>
void free_from_elsewhere() {
  alignas(16) static std::byte elsewhere[128];
  Pool pool;
  pool.deallocate(elsewhere, 64, 8);
  pool.trim();
}

TYPED_TEST(default_handler, prints_and_aborts) {
  EXPECT_EXIT(free_twice<TypeParam>(), ::testing::KilledBySignal(SIGABRT), "double.free");
  EXPECT_EXIT(free_from_elsewhere<TypeParam>(), ::testing::KilledBySignal(SIGABRT), "foreign.pointer");
}

} // namespace
} // namespace quarry::test
