#include "workload.hpp"

#include <algorithm>
#include <stdexcept>

namespace quarry_simulation {
namespace {

constexpr std::uint32_t not_here = ~std::uint32_t{0};
constexpr std::size_t largest_pooled = 32768; // the default of the pools

std::uint8_t class_of(const quarry_replay::trace_block& block) {
  const std::size_t last = quarry::last_byte_of(block.size, block.alignment());
  return last < largest_pooled ? static_cast<std::uint8_t>(quarry::size_class_of_last(last))
                               : operation::oversized;
}

// Events [first, first + count) of the recording. What is freed of a block that was allocated before is left
// out.
class one_run {
public:
  one_run(const quarry_replay::trace& recorded, std::size_t first) : recorded_(recorded), first_(first) {
    for (std::size_t i = 0; i < first; ++i) first_block_ += recorded.events[i].is_deallocation ? 0 : 1;
  }

  // Event `i` of this run to the core that its thread is on.
  void play(std::size_t i, workload& w, std::size_t run) {
    const auto& event = recorded_.events[first_ + i];
    if (event.is_deallocation && event.block < first_block_) return;
    const std::size_t index = event.block - first_block_;
    if (!event.is_deallocation) numbers_.resize(index + 1, not_here);
    std::uint32_t& number = numbers_[index];
    if (!event.is_deallocation) number = w.new_block();
    w.cores[(run + event.thread) % w.cores.size()].push_back(
        {number, class_of(recorded_.blocks[event.block]),
         event.is_deallocation ? operation::kind::deallocate : operation::kind::allocate});
  }

private:
  const quarry_replay::trace& recorded_;
  const std::size_t first_;
  std::size_t first_block_ = 0;
  std::vector<std::uint32_t> numbers_; // by block since the first
};

} // namespace

workload replicated(const quarry_replay::trace& recorded, int core_count, std::size_t operations_per_core) {
  const auto runs = static_cast<std::size_t>(core_count);
  const std::size_t count = std::min(operations_per_core, recorded.events.size());
  workload w;
  w.cores.resize(runs);
  std::vector<one_run> all;
  for (std::size_t run = 0; run < runs; ++run)
    all.emplace_back(recorded, (recorded.events.size() - count) * run / runs);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t run = 0; run < runs; ++run) all[run].play(i, w, run);
  return w;
}

} // namespace quarry_simulation
