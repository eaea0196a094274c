// The outcomes of all designs, by workload and number of cores.
#pragma once

#include "simulation.hpp"

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace quarry_simulation {

class results {
public:
  explicit results(const costs& c) : costs_(c) {}

  void add(const std::string& name, const workload& w); // simulates it on every design

  const outcome& at(const std::string& name, int cores, const design& d) const;
  double rate_of_one(const std::string& name) const;  // of one core as built, in operations per µs
  double mean_rate(int cores, const design& d) const; // geometric, over the workloads, relative to that
  const design& best_change(int cores) const;         // of those that change one thing
  std::pair<std::string, double> largest_loss(int cores) const; // as built, and its share of the time

private:
  const costs costs_;
  std::vector<std::string> names_;
  std::map<std::tuple<std::string, int, std::string>, outcome> outcomes_;
};

} // namespace quarry_simulation
