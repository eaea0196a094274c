// A pool that serves a handful of small requests holds at most a page, counted honestly: what upstream gave,
// the pool object, and whatever the library took from operator new behind the pool's back.
#include "support.hpp"

#include <atomic>
#include <new>

namespace {

std::atomic<bool> counting{false};
std::atomic<std::size_t> taken_from_new{0};

void* counted_new(std::size_t bytes) {
  if (counting) taken_from_new += bytes;
  if (void* const p = std::malloc(bytes == 0 ? 1 : bytes)) return p;
  throw std::bad_alloc();
}

// Unlike a ledger it takes nothing from operator new for itself.
class counting_upstream final : public std::pmr::memory_resource {
public:
  std::size_t held() const { return held_; }

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (p == nullptr) throw std::bad_alloc();
    held_ += bytes;
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t) override {
    held_ -= bytes;
    std::free(p);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::size_t held_ = 0;
};

} // namespace

// Not inlined: a compiler that sees free() in delete but not malloc() in new warns of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) { return counted_new(bytes); }
[[gnu::noinline]] void* operator new[](std::size_t bytes) { return counted_new(bytes); }
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

namespace quarry::test {

template <class Pool>
class small_pool_memory : public ::testing::Test {};
TYPED_TEST_SUITE(small_pool_memory, both_pools, pool_names);

template <class Pool>
std::size_t memory_of_three_requests(const std::vector<block>& requests, std::size_t max_blocks = 0) {
  counting_upstream upstream;
  Pool pool({max_blocks, 0}, &upstream);
  std::vector<block> blocks = requests;
  taken_from_new = 0;
  counting = true;
  for (block& b : blocks) b.address = pool.allocate(b.bytes, b.alignment);
  counting = false;
  const std::size_t counted = upstream.held() + taken_from_new + sizeof(pool);
  for (const block& b : blocks) pool.deallocate(b.address, b.bytes, b.alignment);
  return counted;
}

constexpr std::size_t page = 4096;

TYPED_TEST(small_pool_memory, three_requests_in_three_classes_fit_in_a_page) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  EXPECT_LE(memory_of_three_requests<TypeParam>({{nullptr, 8, 8}, {nullptr, 40, 8}, {nullptr, 128, 16}}),
            page);
  EXPECT_LE(memory_of_three_requests<TypeParam>({{nullptr, 128, 8}, {nullptr, 112, 8}, {nullptr, 96, 8}}),
            page);
  EXPECT_LE(memory_of_three_requests<TypeParam>({{nullptr, 1, 1}, {nullptr, 24, 8}, {nullptr, 64, 64}}),
            page);
}

// There they have slabs, and the object of a synchronized pool is a line larger.
TYPED_TEST(small_pool_memory, nearly_so_where_chunks_have_few_blocks) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  for (const std::size_t most : {4U, 100U, 1000U})
    EXPECT_LE(
        memory_of_three_requests<TypeParam>({{nullptr, 8, 8}, {nullptr, 40, 8}, {nullptr, 128, 16}}, most),
        page + 64)
        << "at most " << most;
}

TYPED_TEST(small_pool_memory, a_pool_that_served_nothing_holds_nothing) {
  EXPECT_EQ(memory_of_three_requests<TypeParam>({}), sizeof(TypeParam));
}

} // namespace quarry::test
