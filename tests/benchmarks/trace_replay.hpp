// Replays the operations of a trace on a source of memory. A block's first bytes are written when it is allocated
// and read back when it is freed, as the program's would have been.
#pragma once

#include "trace_script.hpp"

#include <cstring>
#include <span>
#include <stdexcept>

namespace quarry_bench {

inline void write_stamp(void* block, const trace_operation& op) {
  if (op.size >= sizeof op.slot)
    std::memcpy(block, &op.slot, sizeof op.slot);
  else
    std::memset(block, 1, op.size);
}

inline bool has_stamp(const void* block, const trace_operation& op) {
  if (op.size >= sizeof op.slot) return std::memcmp(block, &op.slot, sizeof op.slot) == 0;
  return *static_cast<const unsigned char*>(block) == 1;
}

class replay_slots {
public:
  explicit replay_slots(std::size_t count) : blocks_(count) {}

  template <class Source>
  void replay(const Source& from, std::span<const trace_operation> operations) {
    for (const trace_operation& op : operations)
      if (op.allocates)
        allocate(from, op);
      else
        deallocate(from, op);
  }

private:
  template <class Source>
  void allocate(const Source& from, const trace_operation& op) {
    void* const block = from.allocate(op.size, op.alignment());
    write_stamp(block, op);
    blocks_[op.slot] = block;
  }

  template <class Source>
  void deallocate(const Source& from, const trace_operation& op) {
    void* const block = blocks_[op.slot];
    if (!has_stamp(block, op)) throw std::logic_error("a live block was written by someone else");
    from.deallocate(block, op.size, op.alignment());
  }

  std::vector<void*> blocks_;
};

} // namespace quarry_bench
