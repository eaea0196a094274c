// Times short calls: the least of many rounds, since all that disturbs makes them longer.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace quarry_simulation {

inline double now_ns() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::nano>(since).count();
}

template <class Call>
double ns_of(const Call& call) {
  const double start = now_ns();
  call();
  return now_ns() - start;
}

constexpr int rounds = 200;

template <class Call>
double ns_per_call(const Call& call) {
  constexpr int calls = 100;
  double least = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round)
    least = std::min(least, ns_of([&] {
                       for (int i = 0; i < calls; ++i) call();
                     }));
  return least / calls;
}

// Two calls by turns, each timed by itself, without what reading the clock takes.
template <class First, class Second>
void ns_of_both(const First& first, const Second& second, double& ns_first, double& ns_second) {
  double clock = std::numeric_limits<double>::max();
  ns_first = ns_second = clock;
  for (int i = 0; i < rounds * 10; ++i) {
    clock = std::min(clock, ns_of([] {}));
    ns_first = std::min(ns_first, ns_of(first));
    ns_second = std::min(ns_second, ns_of(second));
  }
  ns_first -= clock;
  ns_second -= clock;
}

} // namespace quarry_simulation
