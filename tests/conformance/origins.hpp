#pragma once

#include <string_view>
#include <vector>

namespace quarry::test {

// A case of a standard library's own tests for its pool resources, and where it is covered here.
struct origin {
  std::string_view library, test;
  std::vector<std::string_view> ours;
  std::string_view
      note; // what of the original is its implementation's, not the standard's, and so not taken over
};

std::vector<origin> origins();

} // namespace quarry::test
