// Pools on top of other resources, and under them.
#include "../support/ledger_resource.hpp"
#include "filled_blocks.hpp"
#include "subjects.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>

namespace quarry::test {
namespace {

QUARRY_SUITE(composition, every_pool);

template <class Pool>
void use(Pool& pool) {
  filled_blocks<Pool> live(pool);
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < 2000; ++i) live.add(i % 500, std::size_t{1} << i % 7);
    for (std::size_t i = 0; i < 20; ++i) live.add(50000 * i, 64);
    live.free_every(2);
  }
  EXPECT_TRUE(live.all_intact());
  live.free_every(3);
  EXPECT_TRUE(live.all_intact());
  live.free_all();
}

QUARRY_CASE(composition, on_a_monotonic_buffer) {
  ledger_resource up;
  {
    std::pmr::monotonic_buffer_resource buffer(&up);
    Pool pool(&buffer);
    use(pool);
    pool.release();
    use(pool);
  }
  EXPECT_TRUE(up.clean());
}

// A monotonic buffer takes nothing back, so a chunk's memory stays readable after the pool gave it up; the
// bytes must suffice for what a few requests need.
QUARRY_CASE(composition, on_a_fixed_buffer_of_64_kib) {
  alignas(std::max_align_t) static std::array<std::byte, 64 << 10> memory;
  std::pmr::monotonic_buffer_resource buffer(memory.data(), memory.size(), std::pmr::null_memory_resource());
  Pool pool({16, 256}, &buffer);
  filled_blocks<Pool> live(pool);
  for (int i = 0; i < 100; ++i) live.add(32);
  EXPECT_TRUE(live.all_intact());
  for (const auto& b : live.blocks()) {
    EXPECT_GE(b.address, memory.data());
    EXPECT_LT(b.address, memory.data() + memory.size());
  }
  live.free_all();
}

QUARRY_CASE(composition, on_std_s_pools) {
  ledger_resource up;
  {
    std_unsynchronized below(&up);
    Pool pool(&below);
    use(pool);
  }
  EXPECT_TRUE(up.clean());
  {
    std_synchronized below(&up);
    Pool pool(&below);
    use(pool);
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_CASE(composition, on_itself_three_deep) {
  ledger_resource up;
  {
    Pool bottom(&up);
    Pool middle({64, 8192}, &bottom);
    Pool top({16, 1024}, &middle);
    use(top);
    use(middle);
    use(bottom);
    use(top);
    top.release();
    use(middle);
  }
  EXPECT_TRUE(up.clean());
}

// Two pools share one upstream, and one of them is released and destroyed first.
QUARRY_CASE(composition, two_on_one_upstream_do_not_meet) {
  ledger_resource up;
  Pool stays(&up);
  filled_blocks<Pool> live(stays);
  {
    Pool goes(&up);
    for (int i = 0; i < 500; ++i) {
      live.add(40);
      (void)goes.allocate(40);
    }
    goes.release();
    use(goes);
  }
  EXPECT_TRUE(live.all_intact());
  live.free_all();
  stays.release();
  EXPECT_TRUE(up.clean());
}

// What a pmr program does all day: nested containers with one allocator.
QUARRY_CASE(composition, under_a_map_of_strings) {
  ledger_resource up;
  {
    Pool pool(&up);
    std::pmr::map<int, std::pmr::string> words(&pool);
    for (int i = 0; i < 2000; ++i)
      words[i * 7919 % 2000] = std::pmr::string(static_cast<std::size_t>(i % 90), 'w');
    for (int i = 0; i < 2000; i += 3) words.erase(i);
    auto copy = std::pmr::map<int, std::pmr::string>(words, &pool);
    EXPECT_EQ(copy, words);
    EXPECT_EQ(words.get_allocator().resource(), &pool);
    EXPECT_EQ(words.begin()->second.get_allocator().resource(), &pool);
  }
  EXPECT_TRUE(up.clean());
}

QUARRY_SUITE(composition_synchronized, every_synchronized_pool);

// An upstream that itself keeps something in the pool above it, once per call.
QUARRY_CASE(composition_synchronized, upstream_calls_back_into_the_pool) {
  ledger_resource up;
  Pool pool(&up);
  std::size_t callbacks = 0;
  bool inside = false;
  up.on_call = [&] {
    if (inside) return;
    inside = true;
    void* const small = pool.allocate(24);
    void* const large = pool.allocate(1 << 20);
    pool.deallocate(small, 24);
    pool.deallocate(large, 1 << 20);
    inside = false;
    ++callbacks;
  };
  use(pool);
  EXPECT_GT(callbacks, 10u);
  up.on_call = nullptr;
  pool.release();
  EXPECT_TRUE(up.clean());
}

} // namespace
} // namespace quarry::test
