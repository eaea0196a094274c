#include "trace_script.hpp"

namespace quarry_replay {
namespace {

constexpr std::uint32_t nobody = ~std::uint32_t{0};

class slot_numbers {
public:
  std::uint32_t take() {
    if (free_.empty()) return count_++;
    const auto slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give(std::uint32_t slot) { free_.push_back(slot); }
  std::size_t count() const { return count_; }

private:
  std::vector<std::uint32_t> free_;
  std::uint32_t count_ = 0;
};

trace_operation operation_on(const trace_block& block, std::uint32_t slot, bool allocates, bool shared) {
  return {block.size, slot, block.alignment_log2, allocates, shared};
}

// Which blocks another thread frees than the one that allocated them, or nobody.
std::vector<bool> blocks_that_change_hands(const trace& recorded) {
  std::vector<std::uint32_t> owner(recorded.blocks.size(), nobody);
  std::vector<bool> changes(recorded.blocks.size(), true);
  for (const auto& event : recorded.events)
    if (event.is_deallocation)
      changes[event.block] = owner[event.block] != event.thread;
    else
      owner[event.block] = event.thread;
  return changes;
}

} // namespace

trace_script script_of(const trace& recorded) {
  trace_script script;
  script.operations.reserve(recorded.events.size());
  slot_numbers slots;
  std::vector<std::uint32_t> slot_of(recorded.blocks.size(), nobody);
  for (const auto& event : recorded.events) {
    auto& slot = slot_of[event.block];
    const bool allocates = !event.is_deallocation;
    if (allocates) slot = slots.take();
    script.operations.push_back(operation_on(recorded.blocks[event.block], slot, allocates, false));
    if (allocates) continue;
    slots.give(slot);
    slot = nobody;
  }
  for (std::size_t block = 0; block < slot_of.size(); ++block)
    if (slot_of[block] != nobody)
      script.never_freed.push_back(operation_on(recorded.blocks[block], slot_of[block], false, false));
  script.slot_count = slots.count();
  return script;
}

threaded_trace_script threaded_script_of(const trace& recorded) {
  const auto shared = blocks_that_change_hands(recorded);
  threaded_trace_script script;
  script.threads.resize(recorded.thread_count);
  script.operation_count = recorded.events.size();
  std::vector<slot_numbers> slots(recorded.thread_count);
  slot_numbers shared_slots; // never given back: each is used once
  std::vector<std::uint32_t> slot_of(recorded.blocks.size(), nobody);
  std::vector<bool> freed(recorded.blocks.size(), false);
  for (const auto& event : recorded.events) {
    const auto block = event.block;
    const bool allocates = !event.is_deallocation;
    auto& own = slots[event.thread];
    if (allocates)
      slot_of[block] = shared[block] ? shared_slots.take() : own.take();
    else if (freed[block] = true; !shared[block])
      own.give(slot_of[block]);
    auto& thread = script.threads[event.thread];
    thread.operations.push_back(
        operation_on(recorded.blocks[block], slot_of[block], allocates, shared[block]));
    thread.events.push_back(static_cast<std::uint32_t>(&event - recorded.events.data()));
  }
  for (std::size_t block = 0; block < freed.size(); ++block)
    if (!freed[block])
      script.never_freed.push_back(operation_on(recorded.blocks[block], slot_of[block], false, true));
  for (std::size_t thread = 0; thread < slots.size(); ++thread)
    script.threads[thread].slot_count = slots[thread].count();
  script.shared_slot_count = shared_slots.count();
  return script;
}

} // namespace quarry_replay
