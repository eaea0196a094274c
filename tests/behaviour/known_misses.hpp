#pragma once

// Bounds that the library is held to and does not keep yet, with the figure it reaches. A known miss is
// printed, fails when it gets worse by more than a quarter, and fails when it is clearly met: then it leaves
// the table.
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
    EXPECT_LE(figure, miss.figure * 1.25) << what << ": worse than the known miss";
    EXPECT_TRUE(bound == 0 || figure > bound * 0.9) << what << ": met now; take it off the table of misses";
    return;
  }
  EXPECT_LE(figure, bound) << what;
}

} // namespace quarry::test
