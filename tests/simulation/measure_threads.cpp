#include "measure_threads.hpp"

#include "stopwatch.hpp"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <semaphore.h>
#include <stdexcept>
#include <thread>
#include <vector>

namespace quarry_simulation {
namespace {

void stay_on(int core) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(core, &only);
  if (pthread_setaffinity_np(pthread_self(), sizeof only, &only) != 0)
    throw std::runtime_error("measuring needs cores 0 and 1");
}

// Runs `first` on core 0 and `second` on core 1.
template <class First, class Second>
void on_two_cores(const First& first, const Second& second) {
  if (std::thread::hardware_concurrency() < 2) throw std::runtime_error("measuring needs two cores");
  std::thread one([&] {
    stay_on(0);
    first();
  });
  std::thread other([&] {
    stay_on(1);
    second();
  });
  one.join();
  other.join();
}

// What every tenth does not exceed.
double tenth(std::vector<double> values) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 10);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

} // namespace

double line_transfer() {
  constexpr int turns = 2000;
  alignas(64) std::atomic<int> turn = 0;
  double least = std::numeric_limits<double>::max();
  const auto play = [&](int parity) {
    for (int i = parity; i < turns; i += 2) {
      while (turn.load(std::memory_order_acquire) != i) {
      }
      turn.store(i + 1, std::memory_order_release);
    }
  };
  for (int round = 0; round < rounds; ++round) {
    turn = 0;
    on_two_cores([&] { least = std::min(least, ns_of([&] { play(0); })); }, [&] { play(1); });
  }
  return least / turns;
}

void measure_wake(double& call, double& latency) {
  sem_t semaphore;
  if (sem_init(&semaphore, 0, 0) != 0) throw std::runtime_error("no semaphore");
  std::atomic<double> called_at = 0;
  std::vector<double> calls, latencies;
  on_two_cores(
      [&] {
        for (int i = 0; i < rounds; ++i) {
          std::this_thread::sleep_for(std::chrono::microseconds(300)); // the other one is asleep by then
          called_at = now_ns();
          sem_post(&semaphore);
          calls.push_back(now_ns() - called_at);
        }
      },
      [&] {
        for (int i = 0; i < rounds; ++i) {
          while (sem_wait(&semaphore) != 0) {
          }
          latencies.push_back(now_ns() - called_at);
        }
      });
  sem_destroy(&semaphore);
  call = tenth(calls);
  latency = std::max(0.0, tenth(latencies) - call);
}

} // namespace quarry_simulation
