// Replays the operations of a trace on a source of memory: a memory_resource, or what else has its calls. A
// block's first bytes are written when it is allocated and read back when it is freed, as the program's would
// have been.
#pragma once

#include "trace_script.hpp"

#include <atomic>
#include <cstring>
#include <span>
#include <stdexcept>
#include <thread>

namespace quarry_replay {

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

// Where one thread keeps the addresses of its blocks.
class replay_slots {
public:
  explicit replay_slots(std::size_t count) : blocks_(count) {}
  void put(const trace_operation& op, void* block) { blocks_[op.slot] = block; }
  void* get(const trace_operation& op) const { return blocks_[op.slot]; }

private:
  std::vector<void*> blocks_;
};

// Where all threads keep the addresses of the blocks that change hands.
class shared_replay_slots {
public:
  explicit shared_replay_slots(std::size_t count) : blocks_(count) {}
  void put(const trace_operation& op, void* block) {
    blocks_[op.slot].store(block, std::memory_order_release);
  }

  // Waits until the block has been allocated. No circle of waiting threads can arise: all wait for operations
  // that are earlier in the one recorded order. Throws when it never will be.
  void* get(const trace_operation& op) const {
    for (;;) {
      if (void* const block = blocks_[op.slot].load(std::memory_order_acquire)) return block;
      if (abandoned_.load(std::memory_order_relaxed)) throw std::runtime_error("another thread failed");
      std::this_thread::yield();
    }
  }

  // Called by a thread that cannot go on, so that none waits for its blocks.
  void abandon() { abandoned_ = true; }

private:
  std::atomic<bool> abandoned_ = false;
  std::vector<std::atomic<void*>> blocks_;
};

// The slots of a thread that shares some with others.
class thread_replay_slots {
public:
  thread_replay_slots(std::size_t own_count, shared_replay_slots& shared)
      : own_(own_count), shared_(shared) {}
  void put(const trace_operation& op, void* block) {
    op.shared ? shared_.put(op, block) : own_.put(op, block);
  }
  void* get(const trace_operation& op) const { return op.shared ? shared_.get(op) : own_.get(op); }

private:
  replay_slots own_;
  shared_replay_slots& shared_;
};

template <class Source, class Slots>
void replay(Source&& from, const trace_operation& op, Slots& slots) {
  if (op.allocates) {
    void* const block = from.allocate(op.size, op.alignment());
    write_stamp(block, op);
    slots.put(op, block);
  } else {
    void* const block = slots.get(op);
    if (!has_stamp(block, op)) throw std::logic_error("a live block was written by someone else");
    from.deallocate(block, op.size, op.alignment());
  }
}

template <class Source, class Slots>
void replay(Source&& from, std::span<const trace_operation> operations, Slots& slots) {
  for (const trace_operation& op : operations) replay(from, op, slots);
}

} // namespace quarry_replay
