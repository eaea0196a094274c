// Cheap random numbers (splitmix64), the same in every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace quarry_bench {

class random_numbers {
public:
  using result_type = std::uint64_t;
  explicit random_numbers(std::uint64_t seed = 1) : state_(seed) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  result_type operator()() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  std::size_t below(std::size_t bound) { // by multiplication of the high half: no division in timed loops
    return static_cast<std::size_t>(((*this)() >> 32) * bound >> 32);
  }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }

private:
  std::uint64_t state_;
};

} // namespace quarry_bench
