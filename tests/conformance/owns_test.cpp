// owns: whether an address lies in memory of this pool.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <memory>

namespace quarry::test {
namespace {

QUARRY_SUITE(owns, our_pools);

template <class Pool>
void expect_owned(const Pool& owner, const Pool& other, const filled_blocks<Pool>& live) {
  for (const auto& b : live.blocks()) {
    const auto* const first = static_cast<const std::byte*>(b.address);
    const std::size_t last = b.size == 0 ? 0 : b.size - 1;
    for (const std::size_t offset : sizes{0, last / 2, last}) {
      ASSERT_TRUE(owner.owns(first + offset)) << b.size << " at " << b.alignment << ", byte " << offset;
      ASSERT_FALSE(other.owns(first + offset));
    }
  }
}

QUARRY_CASE(owns, every_byte_of_live_blocks_and_of_no_other_pool_s) {
  ledger_resource up;
  Pool pool(&up), other(&up);
  filled_blocks<Pool> live(pool), others(other);
  for (std::size_t i = 0; i < 5000; ++i) {
    live.add(i % 2000, std::size_t{1} << i % 10);
    others.add(i % 500);
  }
  expect_owned(pool, other, live);
  expect_owned(other, pool, others);
}

QUARRY_CASE(owns, oversized_blocks) {
  ledger_resource up;
  Pool pool(&up), other(&up);
  filled_blocks<Pool> live(pool);
  for (std::size_t i = 0; i < 100; ++i) live.add(pool.options().largest_required_pool_block + 1 + 100 * i);
  expect_owned(pool, other, live);
  void* const freed = live.blocks().front().address;
  live.free_every(200);
  EXPECT_FALSE(pool.owns(freed));
}

QUARRY_CASE(owns, nothing_that_is_not_its_own) {
  ledger_resource up;
  Pool pool(&up);
  (void)pool.allocate(10);
  const int on_stack = 0;
  static const int in_data = 0;
  const auto on_heap = std::make_unique<int>();
  for (const void* p : {static_cast<const void*>(nullptr), static_cast<const void*>(&on_stack),
                        static_cast<const void*>(&in_data), static_cast<const void*>(on_heap.get()),
                        static_cast<const void*>(&pool), reinterpret_cast<const void*>(~std::uintptr_t{0})})
    EXPECT_FALSE(pool.owns(p)) << p;
}

QUARRY_CASE(owns, nothing_when_new_or_released) {
  ledger_resource up;
  Pool pool(&up);
  void* const from_up = up.allocate(10);
  EXPECT_FALSE(pool.owns(from_up));
  void* const p = pool.allocate(10);
  void* const large = pool.allocate(1 << 20);
  EXPECT_TRUE(pool.owns(p));
  pool.release();
  EXPECT_FALSE(pool.owns(p));
  EXPECT_FALSE(pool.owns(large));
  up.deallocate(from_up, 10);
}

} // namespace
} // namespace quarry::test
