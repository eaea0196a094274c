// Upstream fails under several threads: now and then, or for good when a thread has no cache yet.
#include "support.hpp"

#include <atomic>

namespace quarry::test {
namespace {

// Refuses every third allocation while it is flaky.
class flaky_resource final : public std::pmr::memory_resource {
public:
  explicit flaky_resource(std::pmr::memory_resource* upstream) : upstream_(upstream) {}
  std::atomic<bool> flaky = true;

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (flaky && calls_++ % 3 == 0) throw std::bad_alloc();
    return upstream_->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_;
  std::atomic<std::size_t> calls_ = 0;
};

// Some thousand blocks come and go; what upstream refused is left out. Returns the refusals met.
std::size_t churn(sync& pool, std::size_t seed) {
  dice d(seed);
  population<sync> live(pool);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < 20'000 / sanitizer_slowdown; ++i) {
    try {
      live.add(i % 100 == 0 ? 50'000 : d.between(1, 1500));
    } catch (const std::bad_alloc&) {
      ++refused;
    }
    if (live.size() > 500) live.free_random(d);
  }
  return refused;
}

TEST(faults_under_threads, lose_nothing) {
  ledger_resource ledger;
  flaky_resource upstream(&ledger);
  {
    sync pool(&upstream);
    std::atomic<std::size_t> refused = 0;
    on_threads(4, [&](std::size_t thread) { refused += churn(pool, thread); });
    EXPECT_GT(refused, 0u);
    EXPECT_NO_THROW(pool.check_invariants());
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    upstream.flaky = false;
    on_threads(4, [&](std::size_t thread) { EXPECT_EQ(churn(pool, thread), 0u); });
    EXPECT_NO_THROW(pool.check_invariants());
  }
  EXPECT_TRUE(ledger.clean());
  EXPECT_EQ(ledger.overlaps(), 0u);
}

TEST(faults_under_threads, a_new_thread_is_served_from_what_was_reserved) {
  ledger_resource upstream;
  sync pool(&upstream);
  pool.reserve(64, 8, 500);
  upstream.refuse_from_now();
  on_another_thread([&] {
    population<sync> live(pool);
    for (int i = 0; i < 500; ++i) EXPECT_NO_THROW(live.add(64));
  });
  EXPECT_NO_THROW(pool.check_invariants());
}

TEST(faults_under_threads, a_new_thread_can_free) {
  ledger_resource upstream;
  sync pool(&upstream);
  population<sync> live(pool);
  for (int i = 0; i < 5000; ++i) live.add(64);
  upstream.refuse_from_now();
  on_another_thread([&] { live.free_all(); });
  EXPECT_EQ(upstream.refusals(), 0u);
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  EXPECT_NO_THROW(pool.check_invariants());
}

// What one thread could not have, it can have once another has freed enough.
TEST(faults_under_threads, freed_blocks_serve_others_while_upstream_refuses) {
  ledger_resource upstream;
  sync pool(&upstream);
  population<sync> live(pool);
  for (int i = 0; i < 5000; ++i) live.add(64);
  upstream.refuse_from_now();
  for (int i = 0; i < 2500; ++i) live.free_last();
  on_another_thread([&] {
    population<sync> others(pool);
    for (int i = 0; i < 100; ++i) EXPECT_NO_THROW(others.add(64));
  });
  upstream.refuse_nothing();
}

} // namespace
} // namespace quarry::test
