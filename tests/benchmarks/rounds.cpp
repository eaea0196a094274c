#include "rounds.hpp"

namespace quarry_bench {

std::vector<measurement> measure_in_turn(const workload& work, std::span<const subject> subjects,
                                         std::size_t first_round, std::size_t rounds) {
  std::vector<measurement> measurements;
  for (std::size_t round = first_round; round < first_round + rounds; ++round)
    for (std::size_t turn = 0; turn < subjects.size(); ++turn) {
      const subject& s = subjects[(round + turn) % subjects.size()];
      if (const auto ns = work.run(s)) measurements.push_back({work.name, work.shown_in, s.name, round, *ns});
      s.give_back();
    }
  return measurements;
}

} // namespace quarry_bench
