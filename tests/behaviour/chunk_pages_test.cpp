// Memory for small blocks is mapped a chunk at a time, not page by page as it is written to.
#include "support.hpp"

#include <numeric>

#include <sys/mman.h>
#include <unistd.h>

#include <quarry/page_resource.hpp>

namespace quarry::test {
namespace {

const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

struct pages {
  std::size_t there = 0, all = 0;
};
pages pages_of_chunks(const ledger_resource& up) {
  constexpr std::size_t one_chunk = 63 * 1024;
  pages sum;
  for (const ledger_resource::block& b : up.blocks()) {
    if (b.size < one_chunk) continue;
    std::vector<unsigned char> there((b.size + page - 1) / page);
    EXPECT_EQ(::mincore(b.address, b.size, there.data()), 0);
    sum.all += there.size();
    sum.there += std::accumulate(there.begin(), there.end(), std::size_t{0},
                                 [](std::size_t n, unsigned char each) { return n + (each & 1u); });
  }
  return sum;
}

// Kernels before 5.14 can't.
bool system_can(std::pmr::memory_resource& up) {
  constexpr int populate_write = 23;
  void* const memory = up.allocate(page, page);
  const bool can = ::madvise(memory, page, populate_write) == 0;
  up.deallocate(memory, page, page);
  return can;
}

template <class Pool>
class chunk_pages : public ::testing::Test {
protected:
  pages after(std::size_t size) { // of blocks that nobody writes to
    population<Pool> live(pool);
    while (live.bytes() < 2 << 20) live.add(size);
    return pages_of_chunks(up);
  }

  ledger_resource up{page_resource()};
  Pool pool{&up};
};
TYPED_TEST_SUITE(chunk_pages, both_pools, pool_names);

TYPED_TEST(chunk_pages, are_there_at_once_where_blocks_are_small) {
  if (!system_can(this->up)) GTEST_SKIP() << "a kernel without MADV_POPULATE_WRITE";
  for (const std::size_t size : {64u, 4096u}) {
    const pages seen = this->after(size);
    EXPECT_GT(seen.all, 0u);
    EXPECT_EQ(seen.there, seen.all) << size;
    this->pool.release();
  }
}

// They may never be written to as a whole.
TYPED_TEST(chunk_pages, come_as_they_are_used_where_blocks_are_large) {
  const pages seen = this->after(16384);
  EXPECT_GT(seen.all, 0u);
  EXPECT_LT(seen.there, seen.all / 4);
}

} // namespace
} // namespace quarry::test
