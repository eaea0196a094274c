#pragma once

#include "build_index.hpp"
#include "subjects.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace word_index {

/// What the work came to, whoever gave the memory.
struct summary {
  tally read;
  std::size_t words = 0;
  std::size_t postings = 0;
};

/// What it cost one subject.
struct costs {
  double seconds = 0;             ///< median of the timed rounds
  std::size_t peak_resident = 0;  ///< of the process, the largest of the timed rounds
  std::size_t upstream_calls = 0; ///< allocations and deallocations, from a round of its own
  std::size_t peak_bytes = 0;     ///< asked of upstream and not given back, from that round too
};

inline constexpr int timed_rounds = 3;

/// Runs the subjects in turn, every run in a process of its own: a round in which upstream calls are
/// counted, then the timed rounds, in which nothing is. Subject i leaves its index in outputs[i].
std::vector<costs> measure_all(const std::vector<std::filesystem::path>& files,
                               const std::vector<std::filesystem::path>& outputs, summary& found);

} // namespace word_index
