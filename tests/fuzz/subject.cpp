#include "subject.hpp"

#include <vector>

namespace quarry::test {

std::span<const subject_kind> subject_kinds() {
  static const std::vector<subject_kind> all = [] {
    std::vector<subject_kind> kinds;
    for (const auto& some : {pool_kinds(), segment_kinds(), chain_kinds(), resource_kinds()})
      kinds.insert(kinds.end(), some.begin(), some.end());
    return kinds;
  }();
  return all;
}

const subject_kind& subject_named(std::string_view name) {
  for (const subject_kind& each : subject_kinds())
    if (each.name == name) return each;
  throw std::invalid_argument("no such subject: " + std::string(name));
}

} // namespace quarry::test
