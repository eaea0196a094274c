#include "results.hpp"

#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace quarry_bench {
namespace {

constexpr const char* header = "workload,threads,subject,round,ns_per_operation";

measurement parse_line(const std::string& line) {
  std::array<std::string, 5> fields;
  std::istringstream in(line);
  for (std::string& field : fields)
    if (!std::getline(in, field, ',')) throw std::runtime_error("not a line of results: " + line);
  return {fields[0], fields[1] == "many", fields[2], std::stoul(fields[3]), std::stod(fields[4])};
}

} // namespace

void append_to_file(const std::vector<measurement>& measurements, const std::filesystem::path& csv) {
  const bool fresh = !std::filesystem::exists(csv);
  std::ofstream out(csv, std::ios::app);
  if (fresh) out << header << '\n';
  for (const auto& m : measurements)
    out << m.workload << ',' << (m.threaded ? "many" : "one") << ',' << m.subject << ',' << m.round << ',' << m.ns
        << '\n';
  if (!out.flush()) throw std::runtime_error(csv.string() + ": cannot be written");
}

std::vector<measurement> read_from_file(const std::filesystem::path& csv) {
  std::vector<measurement> measurements;
  std::ifstream in(csv);
  std::string line;
  std::getline(in, line); // the header
  while (std::getline(in, line))
    measurements.push_back(parse_line(line));
  return measurements;
}

} // namespace quarry_bench
