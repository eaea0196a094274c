#include "costs.hpp"

#include <iomanip>
#include <ostream>

namespace quarry_simulation {

const std::vector<parameter>& parameters() {
  static const std::vector<parameter> all{
      {&costs::hot, "a call that a magazine serves", "measured: half a pair on one thread"},
      {&costs::cold_entry, "entering the cold path",
       "estimated: the own cache's mutex and some twenty instructions"},
      {&costs::refill, "refill from slabs, a call", "measured"},
      {&costs::refill_block, "and each block", "measured"},
      {&costs::flush, "flush to slabs, a call", "measured"},
      {&costs::flush_block, "and each block", "measured"},
      {&costs::slab, "a slab taken from or given to its source", "measured"},
      {&costs::upstream_call, "upstream call, 64 KiB",
       "measured: glibc's operator new and delete, the system's part included"},
      {&costs::depot, "a magazine put into or taken from a depot", "estimated: a vector's push"},
      {&costs::lock, "mutex, locked and unlocked", "measured, without contention"},
      {&costs::near_line, "line from another core of 8", "measured: half a round trip between two cores"},
      {&costs::far_line, "line from beyond the 8 cores",
       "assumed: in the middle of what is published for servers"},
      {&costs::other_socket_line, "line from beyond 64 cores", "assumed: the same, for two sockets"},
      {&costs::wake_call, "waking a sleeper: the call",
       "assumed; this machine, which is virtual, has 0.5 to 10 µs"},
      {&costs::wake_latency, "and until it runs", "assumed; this machine has 10 to 20 µs"},
      {&costs::own_work, "the program's work between two calls",
       "chosen: 0, nothing but allocation, unless a table says otherwise"},
  };
  return all;
}

void print_parameters(std::ostream& out, const costs& used, const std::optional<costs>& measured_now) {
  out << "| cost | ns |" << (measured_now ? " measured now |" : "") << " from |\n|---|--:|"
      << (measured_now ? "--:|" : "") << "---|\n"
      << std::fixed << std::setprecision(1);
  for (const parameter& p : parameters()) {
    out << "| " << p.name << " | " << used.*p.value << " | ";
    if (measured_now && *measured_now.*p.value != 0) out << *measured_now.*p.value;
    if (measured_now) out << " | ";
    out << p.origin << " |\n";
  }
}

} // namespace quarry_simulation
