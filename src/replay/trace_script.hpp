// A trace made ready for replay: operations on numbered slots, so that replaying is little more than the
// calls.
#pragma once

#include "trace.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quarry_replay {

struct trace_operation {
  std::uint64_t size;
  std::uint32_t slot; // where the block's address is kept
  std::uint8_t alignment_log2;
  bool allocates;
  bool shared; // the slot is one that several threads use
  std::size_t alignment() const { return std::size_t{1} << alignment_log2; }
};

using trace_operations = std::vector<trace_operation>;

// All threads' operations as one sequence. Slots are used again as soon as they are free, which keeps the
// table of addresses about as small as the set of live blocks.
struct trace_script {
  trace_operations operations;
  trace_operations never_freed; // what is left to free at the end
  std::size_t slot_count = 0;
};

// Each thread's operations. A block that another thread frees, or nobody, has a shared slot of its own, so
// that who frees it can wait until it is there.
struct threaded_trace_script {
  struct thread {
    trace_operations operations;
    std::vector<std::uint32_t> events; // the number of each operation in the recorded order
    std::size_t slot_count = 0;
  };
  std::vector<thread> threads;
  trace_operations never_freed;
  std::size_t shared_slot_count = 0;
  std::size_t operation_count = 0;
};

trace_script script_of(const trace& recorded);
threaded_trace_script threaded_script_of(const trace& recorded);

} // namespace quarry_replay
