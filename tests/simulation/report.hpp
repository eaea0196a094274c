// Runs everything and says what came out.
#pragma once

#include "simulation.hpp"

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace quarry_simulation {

struct named_workload {
  std::string name;
  std::function<workload(int core_count)> make;
};

// Tables for all workloads, numbers of cores and designs, then a summary and what follows from it.
void report(std::ostream& out, const std::vector<named_workload>& workloads);

} // namespace quarry_simulation
