#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace quarry::test {

// The same numbers with every standard library, unlike std's distributions.
class dice {
public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }

private:
  std::mt19937_64 engine_;
};

} // namespace quarry::test
