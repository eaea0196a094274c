// What pools take from operator new, behind upstream's back or through it, is back after release().
#include "subjects.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> calls = 0, outstanding = 0;

void* counted(void* p) {
  if (!p) throw std::bad_alloc();
  ++calls;
  ++outstanding;
  return p;
}

void uncounted(void* p) noexcept {
  if (p) --outstanding;
  std::free(p);
}

std::size_t rounded(std::size_t bytes, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  if (bytes > static_cast<std::size_t>(-1) - a) throw std::bad_alloc();
  return (bytes + a - 1) / a * a;
}

} // namespace

void* operator new(std::size_t bytes) { return counted(std::malloc(bytes ? bytes : 1)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(std::aligned_alloc(static_cast<std::size_t>(alignment), rounded(bytes, alignment)));
}
void operator delete(void* p) noexcept { uncounted(p); }
void operator delete(void* p, std::size_t) noexcept { uncounted(p); }
void operator delete(void* p, std::align_val_t) noexcept { uncounted(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { uncounted(p); }

namespace quarry::test {
namespace {

QUARRY_SUITE(global_new, every_pool);

QUARRY_CASE(global_new, is_not_called_by_constructors) {
  const long before = calls;
  {
    const Pool a, b(std::pmr::pool_options{1024, 2048}), c({1024, 2048}, std::pmr::new_delete_resource());
    EXPECT_EQ(calls, before);
  }
  EXPECT_EQ(calls, before);
}

QUARRY_CASE(global_new, has_everything_back_after_release) {
  const long before = outstanding;
  Pool pool(std::pmr::new_delete_resource());
  for (int round = 0; round < 3; ++round) {
    void* const p = pool.allocate(50);
    EXPECT_GT(outstanding, before);
    pool.deallocate(p, 50);
    (void)pool.allocate(500);
    pool.release();
    EXPECT_EQ(outstanding, before);
  }
}

QUARRY_CASE(global_new, has_everything_back_after_destruction) {
  const long before = outstanding;
  {
    Pool pool(std::pmr::new_delete_resource());
    (void)pool.allocate(50);
    (void)pool.allocate(500, 64);
    (void)pool.allocate(1 << 20);
  }
  EXPECT_EQ(outstanding, before);
}

} // namespace
} // namespace quarry::test
