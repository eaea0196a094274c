// The ends of the range of sizes: nothing at all, and more than there is.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <cstdint>
#include <set>

namespace quarry::test {
namespace {

QUARRY_SUITE(extremes, every_pool);

QUARRY_CASE(extremes, size_0_gets_a_block_of_its_own) {
  ledger_resource up;
  {
    Pool pool(&up);
    std::set<void*> seen;
    for (int i = 0; i < 100; ++i) {
      void* const p = pool.allocate(0);
      ASSERT_NE(p, nullptr);
      ASSERT_TRUE(seen.insert(p).second);
    }
    for (void* p : seen) pool.deallocate(p, 0);
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(extremes, size_0_is_aligned_at_every_alignment) {
  ledger_resource up;
  {
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    for (std::size_t alignment = 1; alignment <= (1 << 16); alignment *= 2) {
      live.add(0, alignment);
      live.add(0, alignment);
    }
    EXPECT_TRUE(live.all_aligned());
    live.free_all();
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(extremes, size_0_above_the_largest_block_s_alignment_goes_upstream) {
  ledger_resource up;
  Pool pool({1, 1}, &up);
  ASSERT_LT(pool.options().largest_required_pool_block, 1024u);
  void* const p = pool.allocate(0, 1024);
  EXPECT_TRUE(is_aligned(p, 1024));
  bool asked = false;
  for (const auto& b : up.blocks()) asked |= b.address == p && b.alignment == 1024;
  EXPECT_TRUE(asked);
  pool.deallocate(p, 0, 1024);
}

// What a request this large comes to upstream: refused, after noting the arguments.
class noting_resource final : public std::pmr::memory_resource {
public:
  struct refused : std::bad_alloc {};
  std::size_t bytes = 0, alignment = 0; // of the latest refusal

private:
  void* do_allocate(std::size_t n, std::size_t a) override {
    if (a < 1024 && n < (1 << 20)) return std::pmr::new_delete_resource()->allocate(n, a);
    bytes = n;
    alignment = a;
    throw refused();
  }
  void do_deallocate(void* p, std::size_t n, std::size_t a) override {
    std::pmr::new_delete_resource()->deallocate(p, n, a);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

// Around every power of two, those that wrap included.
sizes huge_sizes() {
  sizes all;
  for (int bit = 0; bit < 64; ++bit)
    for (const std::size_t above : sizes{0, 1, 3, INT32_MAX, SIZE_MAX, SIZE_MAX - 4, SIZE_MAX - 62})
      all.push_back((std::size_t{1} << bit) + above);
  return all;
}

QUARRY_CASE(extremes, upstream_is_asked_for_no_less_than_the_caller_asked) {
  noting_resource up;
  Pool pool({1, 1}, &up);
  const std::size_t table_grows_now = pool.options().largest_required_pool_block + 1;
  pool.deallocate(pool.allocate(table_grows_now, 1), table_grows_now, 1);
  for (const std::size_t bytes : huge_sizes()) {
    EXPECT_THROW((void)pool.allocate(bytes, 1024), noting_resource::refused) << bytes;
    EXPECT_GE(up.bytes, bytes);
    EXPECT_EQ(up.alignment, 1024u) << bytes;
  }
}

QUARRY_CASE(extremes, sizes_near_size_max_end_in_upstream_s_own_exception) {
  ledger_resource up;
  {
    Pool pool(&up);
    for (std::size_t alignment = 1; alignment <= (std::size_t{1} << 62); alignment *= 2)
      for (const std::size_t below : sizes{0, 1, 2, 7, 8, 15, 16, 63, 64, 4095, 4096, 65536, SIZE_MAX / 2})
        EXPECT_THROW((void)pool.allocate(SIZE_MAX - below, alignment), ledger_resource::refused)
            << below << " below SIZE_MAX at " << alignment;
    EXPECT_LT(up.peak_held(), 1u << 20);
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(extremes, a_pool_goes_on_after_impossible_requests) {
  ledger_resource up;
  {
    Pool pool(&up);
    filled_blocks<Pool> live(pool);
    for (std::size_t size = 1; size < 3000; size += 100) {
      live.add(size);
      EXPECT_THROW((void)pool.allocate(SIZE_MAX - size, 64), std::bad_alloc);
    }
    EXPECT_TRUE(live.all_intact());
    live.free_all();
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(extremes, null_memory_resource_s_exception_reaches_the_caller) {
  Pool pool(std::pmr::null_memory_resource());
  for (const std::size_t bytes : sizes{0, 1, 100, 5000, 1 << 20})
    EXPECT_THROW((void)pool.allocate(bytes), std::bad_alloc);
}

} // namespace
} // namespace quarry::test
