// What the pools are meant to reach, and whether a run shows it: a line each, met or missed, with the figure.
#pragma once

#include "memory_results.hpp"
#include "summary.hpp"

#include <iosfwd>
#include <set>
#include <string>

namespace quarry_bench {

struct evidence {
  summary in_turn;   // all subjects in one process
  summary processes; // ours, and new/delete of other mallocs in processes of their own
  std::vector<memory_result> memory;
  std::set<std::string> mostly_oversized; // workloads most of whose bytes are above the pools' largest block
};

void write_aims(std::ostream& out, const evidence& shown);

} // namespace quarry_bench
