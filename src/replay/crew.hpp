// Threads that start their work together.
#pragma once

#include "timing.hpp"

#include <cstddef>
#include <latch>
#include <thread>
#include <vector>

namespace quarry_replay {

// prepare(i), on thread i, returns the work of that thread; what is timed is from the moment when all have
// prepared to the moment when all have done their work. What the works hold is dropped after that.
template <class Prepare>
double together_ns_per(std::size_t operations, std::size_t thread_count, const Prepare& prepare) {
  const auto count = static_cast<std::ptrdiff_t>(thread_count);
  std::latch prepared(count), start(1), done(count);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < thread_count; ++i)
    threads.emplace_back([&, i] {
      auto work = prepare(i);
      prepared.count_down();
      start.wait();
      work();
      done.arrive_and_wait(); // nobody cleans up while others work
    });
  prepared.wait();
  const double ns = wall_ns_per(operations, [&] {
    start.count_down();
    done.wait();
  });
  for (std::thread& thread : threads) thread.join();
  return ns;
}

} // namespace quarry_replay
