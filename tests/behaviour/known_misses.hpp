#pragma once

// Bounds that the library is held to and does not keep yet, with the figure it reaches. A known miss is
// printed, and fails when it is more than twice as bad: the figures vary with the addresses that upstream
// gives.
#include <gtest/gtest.h>

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace quarry::test {

struct known_miss {
  std::string_view what;
  double figure;
};

// Expects figure ≤ bound, unless `misses` has `what`.
inline void expect_bound(std::span<const known_miss> misses, const std::string& what, double figure,
                         double bound) {
  for (const known_miss& miss : misses) {
    if (miss.what != what) continue;
    std::printf("KNOWN MISS %s: %.2f instead of %.2f\n", what.c_str(), figure, bound);
    EXPECT_LE(figure, miss.figure * 2) << what << ": worse than the known miss";
    return;
  }
  EXPECT_LE(figure, bound) << what;
}

} // namespace quarry::test
