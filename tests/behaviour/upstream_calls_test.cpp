// How a synchronized pool calls its upstream: one call at a time, without holding up threads that need none,
// and in a way that lets upstream call back.
#include "../support/poisoned.hpp"
#include "support.hpp"
#include <quarry/page_resource.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace quarry::test {
namespace {

TEST(upstream_calls, of_eight_growing_threads_never_overlap) {
  ledger_resource upstream;
  upstream.on_call = [] { std::this_thread::yield(); };
  {
    sync pool(&upstream);
    on_threads(8, [&](std::size_t thread) {
      dice d(thread);
      population<sync> live(pool);
      for (std::size_t i = 0; i < 8000 / sanitizer_slowdown; ++i)
        live.add(i % 50 == 0 ? 100'000 : d.between(1, 2000)); // an oversized one now and then
    });
    pool.trim();
  }
  EXPECT_GT(upstream.calls(), 8u);
  EXPECT_EQ(upstream.overlaps(), 0u);
  EXPECT_TRUE(upstream.clean());
}

TEST(upstream_calls, of_trim_reserve_and_release_do_not_overlap_with_growth) {
  ledger_resource upstream;
  upstream.on_call = [] { std::this_thread::yield(); };
  sync pool(&upstream);
  on_threads(4, [&](std::size_t thread) {
    for (std::size_t i = 0; i < 200 / sanitizer_slowdown; ++i) {
      population<sync> live(pool);
      for (std::size_t n = 0; n < 100; ++n) live.add(std::size_t{64} << thread);
      if (thread == 0) pool.trim();
      if (thread == 1) pool.reserve(512, 8, 10 * i);
    }
  });
  EXPECT_EQ(upstream.overlaps(), 0u);
  pool.release();
  EXPECT_TRUE(upstream.clean());
}

// Upstream that frees blocks into the pool while the pool asks it for more: by then there is less room in the
// magazine than the refill is for. Nothing of it may be lost.
template <class Pool>
class refills : public ::testing::Test {};
TYPED_TEST_SUITE(refills, both_pools, pool_names);

TYPED_TEST(refills, that_find_their_magazine_filled_meanwhile_lose_nothing) {
  for (std::size_t freed_meanwhile = 1000; freed_meanwhile < 1100; freed_meanwhile += 7) {
    ledger_resource upstream;
    TypeParam pool(&upstream);
    std::vector<void*> live;
    for (int i = 0; i < 3000; ++i) live.push_back(pool.allocate(64, 8));
    std::size_t to_free = freed_meanwhile;
    upstream.on_call = [&] {
      while (to_free != 0) { // a free may call upstream, too
        --to_free;
        void* const block = live.back();
        live.pop_back();
        pool.deallocate(block, 64, 8);
      }
    };
    while (to_free != 0) {
      void* const block = pool.allocate(64, 8);
      live.push_back(block);
    }
    EXPECT_EQ(pool.statistics().bytes_in_use, live.size() * block_serving(pool, 64, 8));
    EXPECT_NO_THROW(pool.check_invariants());
    for (void* block : live) pool.deallocate(block, 64, 8);
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  }
}

// Upstream that keeps what it knows of each call in the pool itself, blocks of all sizes. Meanwhile the
// magazines that one thread has may be replaced by larger ones, and those before be gone.
TYPED_TEST(refills, that_lead_to_calls_of_upstreams_own_lose_nothing) {
  for (std::size_t step = 1; step < 200; step += 4 * sanitizer_slowdown) {
    ledger_resource upstream(page_resource());
    TypeParam pool(&upstream);
    {
      population<TypeParam> live(pool), upstreams(pool);
      bool inside = false;
      upstream.on_call = [&] {
        if (std::exchange(inside, true)) return;
        upstreams.add(8 + upstreams.size() * 136 % 4096);
        inside = false;
      };
      for (std::size_t i = 0; i < 3000; ++i) live.add(8 + i * step % 2000);
      EXPECT_GT(upstreams.size(), 10u);
      EXPECT_NO_THROW(pool.check_invariants());
      live.free_all();
      EXPECT_NO_THROW(pool.check_invariants());
      upstream.on_call = nullptr;
    }
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
    pool.release();
    EXPECT_TRUE(upstream.clean());
  }
}

// What another thread is just obtaining is no reason to throw.
TEST(upstream_calls, of_reserve_leave_the_pool_in_order_meanwhile) {
  ledger_resource upstream;
  sync pool(&upstream);
  std::atomic<bool> done = false;
  upstream.on_call = [] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); };
  std::thread other([&] {
    for (std::size_t count = 100; count < 3000; count += 100) pool.reserve(512, 8, count);
    done = true;
  });
  while (!done) EXPECT_NO_THROW(pool.check_invariants());
  other.join();
  upstream.on_call = nullptr;
  EXPECT_NO_THROW(pool.check_invariants());
}

TEST(upstream_calls, of_others_are_not_what_trim_gave_back) {
  sync pool;
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) pool.deallocate(pool.allocate(1'000'000, 8), 1'000'000, 8);
  });
  std::size_t given = 0;
  for (std::size_t i = 0; i < 20'000 / sanitizer_slowdown; ++i) given += pool.trim();
  done = true;
  other.join();
  EXPECT_EQ(given, 0u);
}

// An upstream that has no more large pieces from some time on, as when chunks don't fit but bookkeeping does.
class no_large_pieces final : public std::pmr::memory_resource {
public:
  std::size_t largest = static_cast<std::size_t>(-1);
  std::size_t held = 0;

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes > largest) throw std::bad_alloc();
    void* const p = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    held += bytes;
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    held -= bytes;
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

TYPED_TEST(refills, that_fail_for_want_of_a_chunk_keep_no_bookkeeping) {
  no_large_pieces upstream;
  TypeParam pool(&upstream);
  void* const first = pool.allocate(64, 8);
  upstream.largest = 1000;
  EXPECT_THROW((void)pool.allocate(20'000, 8), std::bad_alloc);
  const std::size_t held = upstream.held;
  for (int i = 0; i < 1000; ++i) EXPECT_THROW((void)pool.allocate(20'000, 8), std::bad_alloc);
  EXPECT_EQ(upstream.held, held);
  pool.deallocate(first, 64, 8);
}

template <class Pool>
class trims : public ::testing::Test {};
TYPED_TEST_SUITE(trims, both_pools, pool_names);

TYPED_TEST(trims, that_keep_some_keep_that_much_and_less_than_a_chunk_more) {
  SKIP_MEMORY_BOUND_UNDER_ASAN();
  constexpr std::size_t largest_chunk = 65536;
  for (const std::size_t keep : {std::size_t{1}, std::size_t{100'000}, std::size_t{1'000'000}}) {
    ledger_resource upstream;
    TypeParam pool(&upstream);
    {
      population<TypeParam> live(pool);
      for (int i = 0; i < 30'000; ++i) live.add(1000);
    }
    pool.trim(keep);
    const std::size_t kept = pool.trim();
    EXPECT_GE(kept, keep);
    const std::size_t most = keep + largest_chunk;
    EXPECT_LT(kept, most + most / 32) << "a part is what described the chunks";
  }
}

// Upstream whose addresses don't come again: what it gets back it keeps.
class new_addresses final : public std::pmr::memory_resource {
  std::pmr::monotonic_buffer_resource memory_;
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return memory_.allocate(bytes, alignment);
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

TYPED_TEST(trims, that_are_followed_by_chunks_elsewhere_leave_no_more_each_time) {
  new_addresses upstream;
  TypeParam pool(&upstream);
  std::size_t held_early = 0;
  for (int round = 0; round < 500; ++round) {
    {
      population<TypeParam> live(pool);
      for (int i = 0; i < 100; ++i) live.add(1000);
    }
    pool.trim();
    if (round == 20) held_early = pool.statistics().bytes_held;
  }
  EXPECT_EQ(pool.statistics().chunks, 0u);
  EXPECT_EQ(pool.statistics().bytes_held, held_early);
}

// A gate in upstream: once shut, the next call waits inside until it is opened.
class gate {
public:
  void shut() { change(true); }
  void open() { change(false); }
  void pass() {
    std::unique_lock lock(mutex_);
    if (!shut_) return;
    waiting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !shut_; });
    waiting_ = false;
  }
  void wait_until_someone_waits() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_; });
  }

private:
  void change(bool shut) {
    const std::lock_guard guard(mutex_);
    shut_ = shut;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_ = false, waiting_ = false;
};

class blocked_upstream : public ::testing::Test {
protected:
  blocked_upstream() {
    upstream.on_call = [this] { door.pass(); };
  }
  // Runs `work` while another thread is inside upstream, called by `blocked`. Hangs when work waits for it.
  void while_blocked(const std::function<void()>& blocked, const std::function<void()>& work) {
    door.shut();
    std::thread inside(blocked);
    door.wait_until_someone_waits();
    work();
    door.open();
    inside.join();
  }
  void grow() {
    population<sync> live(pool);
    while (live.bytes() < (std::size_t{1} << 20)) live.add(64);
  }
  void grow_oversized() { population<sync>(pool).add(1 << 20); }

  gate door;
  ledger_resource upstream;
  sync pool{&upstream};
};

TEST_F(blocked_upstream, does_not_hold_up_cached_blocks) {
  if (memory_is_poisoned()) GTEST_SKIP() << "there are no caches: the growing thread takes all free blocks";
  // Often enough for this thread to have a cache.
  for (int i = 0; i < 1000; ++i) pool.deallocate(pool.allocate(64, 8), 64, 8);
  while_blocked([&] { grow(); },
                [&] {
                  for (int i = 0; i < 1000; ++i) pool.deallocate(pool.allocate(64, 8), 64, 8);
                });
}

// Not from the cache, but from chunks that the pool has: refills and flushes of the class that is growing.
TEST_F(blocked_upstream, does_not_hold_up_blocks_that_the_pool_has) {
  pool.reserve(64, 8, 2000);
  pool.reserve(200, 8, 2000);
  while_blocked([&] { grow_oversized(); },
                [&] {
                  population<sync> live(pool);
                  for (int i = 0; i < 2000; ++i) live.add(64);
                  for (int i = 0; i < 2000; ++i) live.add(200);
                });
}

TEST_F(blocked_upstream, does_not_hold_up_frees_of_the_growing_class) {
  population<sync> live(pool);
  for (int i = 0; i < 2000; ++i) live.add(64);
  pool.reserve(64, 8, 4000); // keeps the frees from emptying a chunk beyond the retained share
  while_blocked([&] { grow(); }, [&] { live.free_all(); });
}

TEST_F(blocked_upstream, does_not_hold_up_a_new_threads_reserved_blocks) {
  pool.reserve(64, 8, 1000);
  while_blocked([&] { grow_oversized(); },
                [&] {
                  population<sync> live(pool);
                  for (int i = 0; i < 1000; ++i) live.add(64);
                });
}

TEST_F(blocked_upstream, does_not_hold_up_statistics_and_owns) {
  const block b{pool.allocate(64, 8), 64, 8};
  while_blocked([&] { grow_oversized(); },
                [&] {
                  EXPECT_TRUE(pool.owns(b.address));
                  EXPECT_GE(pool.statistics().bytes_in_use, 64u);
                  EXPECT_GE(pool.good_size(64), 64u);
                });
  pool.deallocate(b.address, b.bytes, b.alignment);
}

// Whatever a call of the pool does, it holds no lock over a call upstream that such a look would wait for.
TEST(upstream_calls, may_look_at_the_pool) {
  ledger_resource upstream;
  sync pool(&upstream);
  std::size_t looks = 0;
  upstream.on_call = [&] {
    (void)pool.statistics();
    ++looks;
  };
  dice d(7);
  population<sync> live(pool);
  for (int round = 0; round < 4; ++round) {
    while (live.bytes() < 4 * mebibyte) live.add(d.between(1, 3000));
    on_another_thread([&] {
      while (live.bytes() > mebibyte / 4) live.free_random(d);
    });
  }
  pool.trim();
  upstream.on_call = nullptr;
  EXPECT_GT(looks, 100u);
}

// An upstream that itself allocates from the pool, as one that keeps a table in pmr containers does.
TEST(upstream_calls, may_call_back_into_the_pool) {
  ledger_resource upstream;
  {
    sync pool(&upstream);
    std::size_t depth = 0, served = 0;
    upstream.on_call = [&] {
      if (++depth <= 3) {
        void* const p = pool.allocate(depth * 40, 8);
        served += p != nullptr;
        pool.deallocate(p, depth * 40, 8);
      }
      --depth;
    };
    population<sync> live(pool);
    for (std::size_t i = 0; i < 3000; ++i) live.add(1 + i * 13 % 3000);
    live.add(100'000);
    live.free_all();
    pool.trim();
    EXPECT_GT(served, 0u);
    EXPECT_NO_THROW(pool.check_invariants());
    upstream.on_call = nullptr;
  }
  EXPECT_TRUE(upstream.clean());
}

// Of nothing it has any number at one place, as libc++'s monotonic_buffer_resource; too much it refuses.
class odd_at_the_ends final : public std::pmr::memory_resource {
public:
  struct refused : std::bad_alloc {};

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes > std::size_t{1} << 40) throw refused();
    return bytes == 0 ? nothing_ : std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    if (bytes != 0) std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  alignas(32768) std::byte nothing_[1];
};

template <class Pool>
class upstream_asked : public ::testing::Test {
protected:
  std::unique_ptr<odd_at_the_ends> upstream = std::make_unique<odd_at_the_ends>();
  Pool pool{upstream.get()};
};
TYPED_TEST_SUITE(upstream_asked, both_pools, pool_names);

TYPED_TEST(upstream_asked, for_nothing_gives_blocks_apart) {
  void* const first = this->pool.allocate(0, 32768);
  void* const second = this->pool.allocate(0, 32768);
  EXPECT_NE(first, second);
  EXPECT_NO_THROW(this->pool.check_invariants());
  this->pool.deallocate(first, 0, 32768);
  this->pool.deallocate(second, 0, 32768);
}

TYPED_TEST(upstream_asked, for_too_much_refuses_itself_whatever_is_held) {
  for (const std::size_t held : {0u, 1'000'000u}) {
    if (held != 0) (void)this->pool.allocate(held, 8);
    EXPECT_THROW((void)this->pool.allocate(~std::size_t{0}, 1), odd_at_the_ends::refused);
  }
}

template <class Pool>
class large_alignments : public ::testing::Test {};
TYPED_TEST_SUITE(large_alignments, both_pools, pool_names);

// What rounds up to no more than the largest block is pooled, whatever the alignment.
TYPED_TEST(large_alignments, are_those_of_blocks_up_to_the_largest) {
  ledger_resource upstream;
  TypeParam pool(&upstream);
  std::array<void*, 4> blocks{};
  for (std::size_t alignment = 8192; alignment <= 32768; alignment *= 2)
    for (const std::size_t bytes : {std::size_t{1}, alignment - 1, std::size_t{20'000}, std::size_t{32768}}) {
      for (int i = 0; i < 50; ++i) { // through slabs, and when some are at hand
        for (void*& block : blocks) block = pool.allocate(bytes, alignment);
        for (void* const block : blocks)
          EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u) << bytes << " at " << alignment;
        if (!memory_is_poisoned()) {
          EXPECT_EQ(pool.statistics().oversized_blocks, 0u);
        }
        for (void* const block : blocks) pool.deallocate(block, bytes, alignment);
      }
    }
  if (!memory_is_poisoned()) { // the last were of 32 KiB
    EXPECT_GE(pool.statistics().bytes_cached, 32768u);
  }
  pool.check_invariants();
}

TYPED_TEST(large_alignments, beyond_are_asked_of_upstream_each_time) {
  ledger_resource upstream;
  TypeParam pool({0, 262'144}, &upstream);
  for (const std::size_t bytes : {1u, 20'000u, 65'536u}) {
    const std::size_t before = upstream.calls();
    void* const p = pool.allocate(bytes, 65'536);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 65'536, 0u);
    EXPECT_EQ(pool.statistics().oversized_blocks, 1u);
    EXPECT_GT(upstream.calls(), before);
    pool.deallocate(p, bytes, 65'536);
    EXPECT_EQ(pool.statistics().oversized_blocks, 0u);
  }
}

} // namespace
} // namespace quarry::test
