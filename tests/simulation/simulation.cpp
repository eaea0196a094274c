#include "simulation.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace quarry_simulation {
namespace {

using kind = operation::kind;

constexpr int calls_of_an_event = 32; // as long as they need nothing of others; keeps the cores' clocks close

// Plays the streams: keeps where the blocks are, and has cores wait for each other's blocks.
class player {
public:
  player(const workload& w, const design& d, const costs& c)
      : work_(w), machine_(static_cast<int>(w.cores.size()), c, d.spinning), pool_(machine_, d),
        blocks_(w.block_count), next_(w.cores.size()) {}

  outcome play() {
    machine_.run([this](int core) { return go_on(core); });
    for (std::size_t core = 0; core < next_.size(); ++core)
      if (next_[core] != work_.cores[core].size())
        throw std::logic_error("simulation: a core waits for ever");
    pool_.check_invariants();
    return sum_up();
  }

private:
  struct block_state {
    void* address = nullptr; // while in use
    double since = 0;        // when it was allocated, or freed
    bool freed = false;
    std::int16_t waiting = nobody;
  };

  std::size_t warm_up(std::size_t core) const { return work_.cores[core].size() / 2; }

  bool go_on(int core) {
    const auto& stream = work_.cores[static_cast<std::size_t>(core)];
    std::size_t& next = next_[static_cast<std::size_t>(core)];
    for (int i = 0; i < calls_of_an_event && next < stream.size(); ++i) {
      if (next == warm_up(static_cast<std::size_t>(core))) machine_.start_accounting(core);
      const std::size_t cold = pool_.cold_calls();
      if (!perform(core, stream[next])) return true;
      ++next;
      if (pool_.cold_calls() != cold || stream[next - 1].size_class == operation::oversized) return true;
      if (stream[next - 1].what == kind::exit_thread) return true;
    }
    return next < stream.size();
  }

  // False when it has to wait for another core.
  bool perform(int core, const operation& op) {
    if (op.what == kind::exit_thread) return pool_.exit_thread(core), true;
    block_state& block = blocks_[op.block];
    if (op.what == kind::await_freed) return happened(core, block, block.freed);
    if (op.what == kind::deallocate && !happened(core, block, block.address != nullptr)) return false;
    machine_.spend(core, part::own_work, machine_.cost().own_work);
    if (op.size_class != operation::oversized) ++calls_;
    if (op.what == kind::allocate)
      allocate(core, op);
    else
      deallocate(core, op, block);
    return true;
  }

  bool happened(int core, block_state& block, bool has) {
    if (!has) {
      block.waiting = static_cast<std::int16_t>(core);
      machine_.sleep(core);
      return false;
    }
    machine_.spend(core, part::idle, std::max(0.0, block.since - machine_.now(core)));
    return true;
  }

  void allocate(int core, const operation& op) {
    const auto receive = [this, core, &op](void* address) {
      block_state& block = blocks_[op.block];
      block.address = address;
      ++in_use_;
      note(core, block);
    };
    if (op.size_class != operation::oversized) return pool_.allocate(core, op.size_class, receive);
    pool_.call_upstream(core);
    machine_.then(core, [this, receive, &op] { receive(&blocks_[op.block]); });
  }

  void deallocate(int core, const operation& op, block_state& block) {
    void* const address = std::exchange(block.address, nullptr);
    block.freed = true;
    --in_use_;
    note(core, block);
    if (op.size_class == operation::oversized) return pool_.call_upstream(core);
    pool_.deallocate(core, op.size_class, address);
  }

  void note(int core, block_state& block) {
    block.since = machine_.now(core);
    if (const int other = std::exchange(block.waiting, std::int16_t{nobody}); other != nobody)
      machine_.wake(other, block.since);
  }

  outcome sum_up() const {
    outcome o;
    double longest = 0;
    for (std::size_t core = 0; core < next_.size(); ++core) {
      const int c = static_cast<int>(core);
      o.operations += static_cast<double>(work_.cores[core].size() - warm_up(core));
      o.core_time += machine_.accounted(c);
      longest = std::max(longest, machine_.now(c));
      for (std::size_t p = 0; p < part_count; ++p) o.spent[p] += machine_.spent(c)[p];
    }
    o.cold_calls = pool_.cold_calls();
    o.calls = calls_;
    o.bytes_held = pool_.bytes_held();
    o.bytes_taken = pool_.bytes_taken();
    o.highest_lock_utilisation = pool_.highest_lock_utilisation(longest);
    o.counted = pool_.count();
    o.blocks_in_use = in_use_;
    return o;
  }

  const workload& work_;
  machine machine_;
  modelled_pool pool_;
  std::vector<block_state> blocks_;
  std::vector<std::size_t> next_; // operation of each core
  std::size_t calls_ = 0, in_use_ = 0;
};

} // namespace

outcome simulate(const workload& w, const design& d, const costs& c) { return player(w, d, c).play(); }

} // namespace quarry_simulation
