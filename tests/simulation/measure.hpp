// Measures on this machine those costs that it can tell.
#pragma once

#include "costs.hpp"

namespace quarry_simulation {

costs measure_costs(); // what cannot be measured is 0

} // namespace quarry_simulation
