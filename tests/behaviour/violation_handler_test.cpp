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

// A handler that goes on using the pool that reports, and its reports.
class handler_at_work {
public:
  explicit handler_at_work(sync& pool) : pool_(pool), old_(set_violation_handler({&report, this})) {}
  ~handler_at_work() { set_violation_handler(old_); }
  handler_at_work(const handler_at_work&) = delete;
  handler_at_work& operator=(const handler_at_work&) = delete;
  int reports() const { return reports_; }

private:
  static void report(const violation&, void* context) noexcept {
    auto& self = *static_cast<handler_at_work*>(context);
    ++self.reports_;
    population<sync> live(self.pool_);
    for (int i = 0; i < 300; ++i) live.add(64);
    self.pool_.trim();
  }
  sync& pool_;
  violation_handler old_;
  int reports_ = 0;
};

void cause_magazines(sync& pool) {
  population<sync> live(pool);
  for (int i = 0; i < 600; ++i) live.add(32);
}

// What is reserved is looked for in other threads' magazines, where the bad block is.
TEST(a_handler, may_use_the_pool_while_a_thread_looks_for_what_is_reserved) {
  sync pool;
  const handler_at_work handler(pool);
  pool.reserve(64, 8, 100);
  population<sync> live(pool);
  cause_magazines(pool);
  for (int i = 0; i < 99; ++i) live.add(64);
  void* const bad = pool.allocate(64, 8);
  pool.deallocate(bad, 64, 8);
  pool.deallocate(bad, 64, 8);
  on_another_thread([&] {
    cause_magazines(pool);
    population<sync> more(pool);
    for (int i = 0; i < 200; ++i) more.add(64);
  });
  pool.trim();
  EXPECT_EQ(handler.reports(), 1);
  live.free_all();
  EXPECT_NO_THROW(pool.check_invariants());
}

} // namespace
} // namespace quarry::test
