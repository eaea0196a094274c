#include "summary.hpp"

#include "replay/median.hpp"

#include <algorithm>
#include <cmath>

namespace quarry_bench {
namespace {

void add_if_new(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

} // namespace

double geometric_mean(const std::vector<double>& values) {
  double logs = 0;
  for (const double value : values) logs += std::log(value);
  return std::exp(logs / static_cast<double>(values.size()));
}

summary::summary(const std::vector<measurement>& measurements) {
  for (const auto& m : measurements) {
    add_if_new(workloads_[static_cast<std::size_t>(m.shown_in)], m.workload);
    add_if_new(subjects_, m.subject);
    times_[{m.workload, m.subject}][m.round] = m.ns;
  }
}

const summary::times* summary::find(const std::string& workload, const std::string& subject) const {
  const auto found = times_.find({workload, subject});
  return found == times_.end() ? nullptr : &found->second;
}

std::optional<double> summary::median_ns(const std::string& workload, const std::string& subject) const {
  const times* const all = find(workload, subject);
  if (all == nullptr) return {};
  std::vector<double> values;
  for (const auto& [round, ns] : *all) values.push_back(ns);
  return quarry_replay::median(std::move(values));
}

std::optional<double> summary::ratio(const std::string& workload, const std::string& subject,
                                     const std::string& base) const {
  const times *const ours = find(workload, subject), *const theirs = find(workload, base);
  if (ours == nullptr || theirs == nullptr) return {};
  std::vector<double> ratios;
  for (const auto& [round, ns] : *ours)
    if (const auto same_round = theirs->find(round); same_round != theirs->end())
      ratios.push_back(ns / same_round->second);
  if (ratios.empty()) return {};
  return quarry_replay::median(std::move(ratios));
}

} // namespace quarry_bench
