// What things cost on the modelled machine, in nanoseconds, and where each figure is from.
#pragma once

#include <iosfwd>
#include <optional>
#include <vector>

namespace quarry_simulation {

struct costs {
  // Of the library, on one core with everything in its cache.
  double hot = 0.9;
  double cold_entry = 8;
  double refill = 9.3;
  double refill_block = 1.1;
  double flush = 13.4;
  double flush_block = 2.4;
  double slab = 26;
  double upstream_call = 1000;
  double depot = 4;

  // Of the machine.
  double lock = 3;
  double near_line = 43;
  double far_line = 100;
  double other_socket_line = 200;
  double wake_call = 1500;
  double wake_latency = 5000;

  // Of the program: its own work between two calls.
  double own_work = 0;
};

struct parameter {
  double costs::*value;
  const char* name;
  const char* origin;
};

// The one table of all of them.
const std::vector<parameter>& parameters();

// Prints the table; next to it what has been measured just now, where that was possible (others are 0 there).
void print_parameters(std::ostream& out, const costs& used, const std::optional<costs>& measured_now);

} // namespace quarry_simulation
