// Thread-local and static objects free their blocks after the thread's caches are gone, or use a pool before
// main begins and after it ends.
#include "../support/poisoned.hpp"
#include "support.hpp"

#include <quarry/allocator.hpp>

#include <map>
#include <memory_resource>
#include <optional>
#include <string>

namespace quarry::test {
namespace {

// Frees through the pool when the thread's destructors run; being made before the thread's first use of the
// pool it goes after the cache, being made after it goes before.
struct late_user {
  sync* pool = nullptr;
  std::optional<std::pmr::map<int, std::pmr::string>> map;

  void start(sync& p) {
    pool = &p;
    map.emplace(&p);
  }
  void work() {
    for (int i = 0; i < 500; ++i)
      map->emplace(i, std::string(static_cast<std::size_t>(i % 100), 'x').c_str());
  }
  ~late_user() {
    if (pool == nullptr) return;
    map.reset();
    const block b{pool->allocate(72, 8), 72, 8}; // and takes one more, with no cache left
    write_pattern(b, 1);
    if (!holds_pattern(b, 1)) std::abort();
    pool->deallocate(b.address, b.bytes, b.alignment);
  }
};

thread_local late_user earlier, later;

TEST(thread_local_container, made_before_the_cache_outlives_it) {
  ledger_resource upstream;
  {
    sync pool(&upstream);
    on_another_thread([&] {
      earlier.start(pool); // constructs it, and takes nothing yet
      pool.deallocate(pool.allocate(8, 8), 8, 8);
      earlier.work();
    });
    EXPECT_NO_THROW(pool.check_invariants());
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    pool.trim(); // what the thread left for others
    EXPECT_EQ(pool.statistics().bytes_cached, 0u);
    EXPECT_EQ(pool.statistics().chunks, 0u);
  }
  EXPECT_TRUE(upstream.clean());
}

TEST(thread_local_container, made_after_the_cache_goes_before_it) {
  ledger_resource upstream;
  {
    sync pool(&upstream);
    on_another_thread([&] {
      pool.deallocate(pool.allocate(8, 8), 8, 8);
      later.start(pool);
      later.work();
    });
    EXPECT_NO_THROW(pool.check_invariants());
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  }
  EXPECT_TRUE(upstream.clean());
}

TEST(thread_local_container, on_the_typed_allocator) {
  on_another_thread([] {
    thread_local std::map<int, int, std::less<int>, allocator<std::pair<const int, int>>> numbers;
    for (int i = 0; i < 1000; ++i) numbers[i] = i;
    EXPECT_EQ(numbers.size(), 1000u);
  });
  EXPECT_NO_THROW(default_pool().check_invariants());
}

// Many threads exit with full thread-local containers at once.
TEST(thread_local_container, of_many_threads) {
  ledger_resource upstream;
  {
    sync pool(&upstream);
    for (std::size_t round = 0; round < 40 / sanitizer_slowdown; ++round)
      on_threads(8, [&](std::size_t thread) {
        late_user& mine = thread % 2 == 0 ? earlier : later;
        mine.start(pool);
        mine.work();
      });
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    EXPECT_NO_THROW(pool.check_invariants());
  }
  EXPECT_TRUE(upstream.clean());
}

} // namespace
} // namespace quarry::test
