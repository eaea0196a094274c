// Costs between two cores.
#pragma once

namespace quarry_simulation {

// A written cache line's way from one core to another.
double line_transfer();

// What waking a thread that sleeps on a lock costs the one who wakes it, and how long it takes until it runs.
void measure_wake(double& call, double& latency);

} // namespace quarry_simulation
