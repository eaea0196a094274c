// Medians and ratios of what was measured.
#pragma once

#include "results.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quarry_bench {

double geometric_mean(const std::vector<double>& values);

class summary {
public:
  explicit summary(const std::vector<measurement>& measurements);

  const std::vector<std::string>& workloads(part shown_in) const {
    return workloads_[static_cast<std::size_t>(shown_in)];
  }
  const std::vector<std::string>& subjects() const { return subjects_; }

  // Over the rounds; nothing when the subject was not measured on the workload.
  std::optional<double> median_ns(const std::string& workload, const std::string& subject) const;

  // The median of the rounds' ratios, each of two times measured in the same round.
  std::optional<double> ratio(const std::string& workload, const std::string& subject,
                              const std::string& base) const;

private:
  using times = std::map<std::size_t, double>; // by round
  const times* find(const std::string& workload, const std::string& subject) const;

  std::vector<std::string> workloads_[3], subjects_; // in the order of their first measurement
  std::map<std::pair<std::string, std::string>, times> times_;
};

} // namespace quarry_bench
