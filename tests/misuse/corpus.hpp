// A corpus of misuse: small programs that each do one thing wrong, and what it must be reported as.
#pragma once

#include "stage.hpp"

#include <quarry/violation.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace misuse {

struct misuse_case {
  std::string_view title;
  quarry::violation_kind kind;
  void (*play)(stage&);
};

// The four ways to come by memory.
std::span<const misuse_case> raw_calls();
std::span<const misuse_case> containers();
std::span<const misuse_case> typed_allocators();
std::span<const misuse_case> segments();

struct way {
  std::string_view name;
  std::span<const misuse_case> cases;
};
std::vector<way> ways();

} // namespace misuse
