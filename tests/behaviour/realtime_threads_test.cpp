// What was reserved in a synchronized pool is there for every thread, also when another thread's cache holds
// the blocks that are free.
#include "support.hpp"

#include <atomic>
#include <latch>
#include <memory>
#include <random>
#include <vector>

namespace quarry::test {
namespace {

class reserved_by_threads : public ::testing::Test {
protected:
  void expect_no_upstream_call(const std::function<void()>& work) {
    const std::size_t before = upstream.calls();
    work();
    EXPECT_EQ(upstream.calls(), before);
    EXPECT_NO_THROW(pool.check_invariants());
  }
  void allocate_and_free(std::size_t count, std::size_t bytes = 64) {
    population<sync> live(pool);
    for (std::size_t i = 0; i < count; ++i) live.add(bytes);
  }

  ledger_resource upstream;
  sync pool{&upstream};
};

TEST_F(reserved_by_threads, serves_another_thread_than_the_one_that_reserved) {
  pool.reserve(64, 8, 1000);
  expect_no_upstream_call([&] { on_another_thread([&] { allocate_and_free(1000); }); });
}

TEST_F(reserved_by_threads, serves_generations_of_threads) {
  pool.reserve(64, 8, 1000);
  expect_no_upstream_call([&] {
    for (int i = 0; i < 50; ++i) on_another_thread([&] { allocate_and_free(1000); });
  });
}

TEST_F(reserved_by_threads, serves_several_at_once_that_share_it) {
  pool.reserve(64, 8, 1000);
  pool.reserve(3000, 8, 40);
  expect_no_upstream_call([&] {
    on_threads(4, [&](std::size_t) {
      for (int round = 0; round < 50; ++round) {
        allocate_and_free(250);
        allocate_and_free(10, 3000);
      }
    });
  });
}

// Every one in turn has all of them, while the caches of those before hold what they freed last.
TEST_F(reserved_by_threads, is_not_stranded_in_idle_caches) {
  constexpr std::size_t threads = 32, count = 600;
  pool.reserve(64, 8, count);
  pool.reserve(24, 8, 10);
  expect_no_upstream_call([&] {
    std::latch all_had_theirs(threads);
    std::vector<std::thread> sleeping;
    for (std::size_t i = 0; i < threads; ++i) {
      std::latch had_mine(1);
      sleeping.emplace_back([&] {
        allocate_and_free(count);
        allocate_and_free(10, 24);
        had_mine.count_down();
        all_had_theirs.arrive_and_wait();
      });
      had_mine.wait();
    }
    for (auto& t : sleeping) t.join();
  });
}

// More was used once, and is kept until another call than one of those gives it back.
TEST_F(reserved_by_threads, is_looked_for_where_threads_ended_without_an_upstream_call) {
  constexpr std::size_t ended = 4; // two of which leave their caches to those below
  std::latch all_at_work(ended);
  on_threads(ended, [&](std::size_t) {
    allocate_and_free(2000, 200);
    all_at_work.arrive_and_wait();
  });
  population<sync> others(pool);
  while (others.bytes() < 16 * mebibyte) others.add(1000);
  pool.reserve(64, 8, 1000);
  allocate_and_free(50'000);
  const size_class_statistics kind = pool.statistics().classes()[size_class_of(64, 8)];
  const std::size_t count = kind.blocks_free + kind.blocks_cached; // all there are
  pool.reserve(64, 8, count);
  std::latch cached(1), done(1);
  std::thread sleeping([&] {
    allocate_and_free(20);
    cached.count_down();
    done.wait();
  });
  cached.wait();
  expect_no_upstream_call([&] { allocate_and_free(count); });
  done.count_down();
  sleeping.join();
}

TEST_F(reserved_by_threads, counts_what_sleeping_threads_cache_when_it_reserves) {
  std::latch cached(1), done(1);
  std::thread sleeping([&] {
    allocate_and_free(500);
    cached.count_down();
    done.wait();
  });
  cached.wait();
  pool.reserve(64, 8, 500);
  expect_no_upstream_call([&] { allocate_and_free(500); });
  done.count_down();
  sleeping.join();
}

TEST_F(reserved_by_threads, survives_trim_by_another_thread) {
  pool.reserve(200, 8, 700);
  allocate_and_free(700, 200);
  on_another_thread([&] { pool.trim(); });
  expect_no_upstream_call([&] {
    allocate_and_free(700, 200);
    on_another_thread([&] { allocate_and_free(700, 200); });
  });
}

TEST_F(reserved_by_threads, handed_from_thread_to_thread) {
  pool.reserve(64, 8, 1000);
  expect_no_upstream_call([&] {
    for (int round = 0; round < 30; ++round) {
      auto live = std::make_unique<population<sync>>(pool);
      on_another_thread([&] {
        for (int i = 0; i < 1000; ++i) live->add(64);
      });
      on_another_thread([&] { live.reset(); });
    }
  });
}

// There are as many blocks as may be live, so the last free one is looked for while the others move.
TEST_F(reserved_by_threads, serves_who_takes_the_last_one_while_others_allocate_and_free) {
  struct load {
    std::size_t bytes, count;
  };
  for (const load l : {load{64, 64}, load{200, 4}, load{20000, 64}, load{20000, 1000}})
    for (int round = 0; round < 8; ++round) {
      pool.reserve(l.bytes, 8, l.count);
      std::atomic<std::size_t> live = 0;
      const auto may_have_one = [&] {
        std::size_t now = live;
        while (now < l.count)
          if (live.compare_exchange_weak(now, now + 1)) return true;
        return false;
      };
      expect_no_upstream_call([&] {
        on_threads(4, [&](std::size_t thread) {
          std::minstd_rand random(static_cast<unsigned>(thread + 1));
          std::vector<void*> mine;
          const auto free_one = [&] {
            pool.deallocate(mine.back(), l.bytes, 8);
            mine.pop_back();
            --live;
          };
          for (int i = 0; i < 10000; ++i)
            if (random() % 100 < 55) {
              if (may_have_one()) mine.push_back(pool.allocate(l.bytes, 8));
            } else if (!mine.empty()) {
              free_one();
            }
          while (!mine.empty()) free_one();
        });
      });
      pool.release();
    }
}

} // namespace
} // namespace quarry::test
