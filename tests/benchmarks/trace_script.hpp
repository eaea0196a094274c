// A trace made ready for replay: operations on numbered slots, so that replaying is little more than the calls.
#pragma once

#include "../support/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quarry_bench {

struct trace_operation {
  std::uint32_t slot; // where the block's address is kept
  std::uint32_t size;
  std::uint8_t alignment_log2;
  bool allocates;
  std::size_t alignment() const { return std::size_t{1} << alignment_log2; }
};

// All threads' operations as one sequence. Slots are used again as soon as they are free, which keeps the table of
// addresses about as small as the set of live blocks.
struct trace_script {
  std::vector<trace_operation> operations;
  std::vector<trace_operation> never_freed; // what is left to free at the end
  std::size_t slot_count = 0;
};

trace_script script_of(const quarry_test::trace& recorded);

} // namespace quarry_bench
