// What the modelled cores do: a stream of operations for each, recorded or made up. Blocks are numbered.
#pragma once

#include "replay/trace.hpp"

#include <quarry/size_class.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace quarry_simulation {

struct operation {
  enum class kind : std::uint8_t {
    allocate,
    deallocate,  // waits for the allocation, when that is another core's
    await_freed, // waits until another core has freed the block
    exit_thread,
  };
  static constexpr std::uint8_t oversized = 255;

  std::uint32_t block;
  std::uint8_t size_class; // or oversized
  kind what;
};

struct workload {
  std::vector<std::vector<operation>> cores;
  std::size_t block_count = 0;

  std::uint32_t new_block() { return static_cast<std::uint32_t>(block_count++); }
};

// Each core replaces random ones of 500 blocks of its own; 8 to 512 bytes.
workload local_churn(int core_count, std::size_t operations_per_core);

// Cores in pairs, half the machine apart: one allocates batches of 64, at most 64 batches ahead of the other,
// which frees them. A single core does both by turns.
workload producer_consumer(int core_count, std::size_t operations_per_core);

// On each core, one thread after the other allocates 2000 blocks, frees those that the thread before it on
// the next core allocated, and exits.
workload generations(int core_count, std::size_t operations_per_core);

// As many runs of the recorded program as there are cores, all in one pool, each from another place of the
// recording. Thread t of run r is on core (r + t) mod core_count, so that every core has equal work and what
// one thread hands to another goes to another core. All keep the recorded order within a run.
workload replicated(const quarry_replay::trace& recorded, int core_count, std::size_t operations_per_core);

} // namespace quarry_simulation
