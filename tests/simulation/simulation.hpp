// One workload on one design and one number of cores.
#pragma once

#include "modelled_pool.hpp"
#include "workload.hpp"

namespace quarry_simulation {

// From the moment on when a core has done half of its operations: what comes before is warming up.
struct outcome {
  double operations = 0;
  double core_time = 0; // ns, of all cores
  time_spent spent{};
  std::size_t cold_calls = 0, calls = 0; // of the whole run
  std::size_t bytes_held = 0;            // from upstream, at the end
  std::size_t bytes_taken = 0;           // of blocks in use or at hand then
  double highest_lock_utilisation = 0;
  std::size_t blocks_in_use = 0; // by the operations
  modelled_pool::block_count counted{};

  double operations_per_us_and_core() const { return operations / core_time * 1000; }
  double share(part p) const { return spent[static_cast<std::size_t>(p)] / core_time; }
};

outcome simulate(const workload& w, const design& d, const costs& c);

} // namespace quarry_simulation
