#include "trace_script.hpp"

namespace quarry_bench {
namespace {

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

constexpr std::uint32_t freed = ~std::uint32_t{0};

} // namespace

trace_script script_of(const quarry_test::trace& recorded) {
  trace_script script;
  script.operations.reserve(recorded.events.size());
  slot_numbers slots;
  std::vector<std::uint32_t> slot_of(recorded.blocks.size(), freed);
  const auto operation = [&](std::uint32_t block, bool allocates) {
    const auto& [size, alignment_log2] = recorded.blocks[block];
    return trace_operation{slot_of[block], size, alignment_log2, allocates};
  };
  for (const auto& event : recorded.events) {
    const bool allocates = !event.is_deallocation;
    if (allocates) slot_of[event.block] = slots.take();
    script.operations.push_back(operation(event.block, allocates));
    if (allocates) continue;
    slots.give(slot_of[event.block]);
    slot_of[event.block] = freed;
  }
  for (std::uint32_t block = 0; block < recorded.blocks.size(); ++block)
    if (slot_of[block] != freed) script.never_freed.push_back(operation(block, false));
  script.slot_count = slots.count();
  return script;
}

} // namespace quarry_bench
