// Any number of pools at once.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <memory>

namespace quarry::test {
namespace {

QUARRY_SUITE(instances, every_pool);

template <class Pool>
struct pool_in_use {
  explicit pool_in_use(std::pmr::memory_resource* up) : pool(up), live(pool) {
    for (std::size_t i = 0; i < 3; ++i) live.add(32 + i);
  }
  Pool pool;
  filled_blocks<Pool> live;
};

template <class Pool>
void keep_alive(std::size_t count) {
  ledger_resource up;
  {
    std::vector<std::unique_ptr<pool_in_use<Pool>>> pools;
    for (std::size_t i = 0; i < count; ++i) pools.push_back(std::make_unique<pool_in_use<Pool>>(&up));
    for (std::size_t i = 0; i < count; i += 2) pools[i]->live.free_all();
    for (const auto& p : pools) ASSERT_TRUE(p->live.all_intact());
    for (std::size_t i = 0; i < count; i += 3) pools[i] = std::make_unique<pool_in_use<Pool>>(&up);
    for (const auto& p : pools) ASSERT_TRUE(p->live.all_intact());
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(instances, a_thousand_alive_at_once) { keep_alive<Pool>(1000); }

QUARRY_CASE(instances, more_than_1024_alive_at_once) { keep_alive<Pool>(1100); }

QUARRY_CASE(instances, five_thousand_alive_at_once) { keep_alive<Pool>(5000); }

QUARRY_CASE(instances, made_and_destroyed_20000_times) {
  ledger_resource up;
  for (int i = 0; i < 20000; ++i) {
    Pool pool(&up);
    void* const p = pool.allocate(40);
    if (i % 2 == 0) pool.deallocate(p, 40);
  }
  EXPECT_TRUE(up.clean());
}

// A thread's cache of a dead pool must not serve the next one in its place.
QUARRY_CASE(instances, a_pool_in_a_dead_one_s_place_is_a_new_pool) {
  ledger_resource first, second;
  alignas(Pool) static std::byte place[sizeof(Pool)];
  auto* pool = ::new (place) Pool(&first);
  for (int i = 0; i < 600; ++i) pool->deallocate(pool->allocate(48), 48);
  pool->~Pool();
  EXPECT_TRUE(first.clean());

  const std::size_t calls = first.calls();
  pool = ::new (place) Pool(&second);
  filled_blocks<Pool> live(*pool);
  for (int i = 0; i < 100; ++i) live.add(48);
  EXPECT_TRUE(live.all_intact());
  EXPECT_GT(second.held(), 0u);
  EXPECT_EQ(first.calls(), calls);
  pool->~Pool();
  EXPECT_TRUE(second.clean());
}

} // namespace
} // namespace quarry::test
