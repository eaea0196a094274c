#include "results.hpp"

#include <algorithm>
#include <cmath>

namespace quarry_simulation {

void results::add(const std::string& name, const workload& w) {
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
  for (const design& d : designs)
    outcomes_.emplace(std::tuple(name, static_cast<int>(w.cores.size()), std::string(d.name)),
                      simulate(w, d, costs_));
}

const outcome& results::at(const std::string& name, int cores, const design& d) const {
  return outcomes_.at({name, cores, d.name});
}

double results::rate_of_one(const std::string& name) const {
  return at(name, 1, designs.front()).operations_per_us_and_core();
}

double results::mean_rate(int cores, const design& d) const {
  double logarithms = 0;
  for (const std::string& name : names_)
    logarithms += std::log(at(name, cores, d).operations_per_us_and_core() / rate_of_one(name));
  return std::exp(logarithms / static_cast<double>(names_.size()));
}

const design& results::best_change(int cores) const {
  return *std::max_element(designs.begin() + 1, designs.end() - 1,
                           [&](const design& one, const design& other) {
                             return mean_rate(cores, one) < mean_rate(cores, other);
                           });
}

std::pair<std::string, double> results::largest_loss(int cores) const {
  const std::vector<std::pair<std::string, part>> losses{
      {"waiting for class locks", part::class_wait},
      {"waiting for the slab source", part::source_wait},
      {"upstream", part::upstream},
      {"lines that travel between cores", part::lines},
      {"the cold path's own work", part::cold},
  };
  std::pair<std::string, double> largest{"", -1};
  for (const auto& [what, p] : losses) {
    double share = 0;
    for (const std::string& name : names_) share += at(name, cores, designs.front()).share(p);
    share /= static_cast<double>(names_.size());
    if (share > largest.second) largest = {what, share};
  }
  return largest;
}

} // namespace quarry_simulation
