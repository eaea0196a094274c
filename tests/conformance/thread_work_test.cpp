// The work of a call does not grow with the number of threads a pool has seen.
#include "../support/ledger_resource.hpp"
#include "instruction_count.hpp"
#include "subjects.hpp"

#include <barrier>
#include <thread>
#include <vector>

namespace quarry::test {
namespace {

QUARRY_SUITE(thread_work, every_synchronized_pool);

// Instructions to free two blocks, of the oldest and of the newest of `count` threads that are all still
// there.
template <class Pool>
std::optional<std::size_t> work_of_foreign_frees(std::size_t count) {
  return count_instructions([count](instruction_marks marks) {
    Pool pool;
    for (int i = 0; i < 300; ++i) pool.deallocate(pool.allocate(40), 40); // this thread's own cache is there
    std::vector<void*> blocks(count);
    std::barrier never(static_cast<std::ptrdiff_t>(count) + 1);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      std::barrier ready(2);
      threads.emplace_back([&pool, &never, &ready, &block = blocks[i]] {
        block = pool.allocate(40);
        (void)ready.arrive();
        never.arrive_and_wait();
      });
      ready.arrive_and_wait();
    }
    marks.begin();
    pool.deallocate(blocks.front(), 40);
    pool.deallocate(blocks.back(), 40);
    marks.end();
  });
}

QUARRY_CASE(thread_work, of_freeing_an_older_thread_s_block_is_the_same_with_1024_threads) {
  if (!instructions_count) GTEST_SKIP();
  const auto with_few = work_of_foreign_frees<Pool>(4);
  const auto with_many = work_of_foreign_frees<Pool>(1024);
  if (!with_few || !with_many) GTEST_SKIP() << "nobody may trace here";
  EXPECT_LE(*with_many, 2 * *with_few + 2000) << "with four threads " << *with_few;
}

} // namespace
} // namespace quarry::test
