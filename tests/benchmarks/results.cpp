#include "results.hpp"

#include "csv.hpp"

#include <algorithm>

namespace quarry_bench {
namespace {

constexpr const char* header = "workload,part,subject,round,ns_per_operation";
constexpr std::array<const char*, 3> part_names{"one", "many", "segments"}; // by part

part part_named(const std::string& name) {
  const auto found = std::find(part_names.begin(), part_names.end(), name);
  if (found == part_names.end()) throw std::runtime_error("no such part of the results: " + name);
  return static_cast<part>(found - part_names.begin());
}

} // namespace

void append_to_file(const std::vector<measurement>& measurements, const std::filesystem::path& csv) {
  const bool fresh = !std::filesystem::exists(csv);
  std::ofstream out(csv, std::ios::app);
  if (fresh) out << header << '\n';
  for (const auto& m : measurements)
    out << m.workload << ',' << part_names[static_cast<std::size_t>(m.shown_in)] << ',' << m.subject << ','
        << m.round << ',' << m.ns << '\n';
  if (!out.flush()) throw std::runtime_error(csv.string() + ": cannot be written");
}

std::vector<measurement> read_from_file(const std::filesystem::path& csv) {
  std::vector<measurement> measurements;
  for (const auto& [workload, name_of_part, subject, round, ns] : read_csv<5>(csv))
    measurements.push_back({workload, part_named(name_of_part), subject, std::stoul(round), std::stod(ns)});
  return measurements;
}

} // namespace quarry_bench
