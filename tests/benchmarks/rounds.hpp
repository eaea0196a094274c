// Subjects take turns: a round runs each of them once, and the next round begins with the next one, so that
// what the machine does at one time falls on all alike.
#pragma once

#include "results.hpp"
#include "workload.hpp"

#include <span>

namespace quarry_bench {

std::vector<measurement> measure_in_turn(const workload& work, std::span<const subject> subjects,
                                         std::size_t first_round, std::size_t rounds);

} // namespace quarry_bench
