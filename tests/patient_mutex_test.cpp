// A recursive mutex for sections that may call the system (src/patient_mutex.hpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "patient_mutex.hpp"

namespace quarry::detail {
namespace {

TEST(patient_mutex_test, keeps_others_out_whether_they_yield_or_sleep) {
  patient_mutex mutex;
  int inside = 0, most = 0, rounds = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const std::lock_guard guard(mutex);
        most = std::max(most, ++inside);
        if (i % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1)); // the others go to sleep
        --inside;
        ++rounds;
      }
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(rounds, 2000);
}

TEST(patient_mutex_test, lets_the_thread_that_has_it_in_again) {
  patient_mutex mutex;
  int value = 0;
  std::unique_lock outer(mutex);
  {
    const std::lock_guard inner(mutex);
    value = 1;
  }
  std::thread other([&] {
    const std::lock_guard guard(mutex);
    value = 2;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(value, 1) << "it is still taken after the inner unlock";
  outer.unlock();
  other.join();
  EXPECT_EQ(value, 2);
}

} // namespace
} // namespace quarry::detail
