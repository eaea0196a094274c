#include "results.hpp"

#include "csv.hpp"

namespace quarry_bench {
namespace {

constexpr const char* header = "workload,threads,subject,round,ns_per_operation";

} // namespace

void append_to_file(const std::vector<measurement>& measurements, const std::filesystem::path& csv) {
  const bool fresh = !std::filesystem::exists(csv);
  std::ofstream out(csv, std::ios::app);
  if (fresh) out << header << '\n';
  for (const auto& m : measurements)
    out << m.workload << ',' << (m.threaded ? "many" : "one") << ',' << m.subject << ',' << m.round << ','
        << m.ns << '\n';
  if (!out.flush()) throw std::runtime_error(csv.string() + ": cannot be written");
}

std::vector<measurement> read_from_file(const std::filesystem::path& csv) {
  std::vector<measurement> measurements;
  for (const auto& [workload, threads, subject, round, ns] : read_csv<5>(csv))
    measurements.push_back({workload, threads == "many", subject, std::stoul(round), std::stod(ns)});
  return measurements;
}

} // namespace quarry_bench
