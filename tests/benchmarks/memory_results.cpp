#include "memory_results.hpp"

#include "csv.hpp"

#include <fstream>

namespace quarry_bench {

void write_to_file(const std::vector<memory_result>& results, const std::filesystem::path& csv) {
  std::ofstream out(csv);
  out << "trace,subject,peak_asked,peak_counted,upstream_calls\n";
  for (const auto& r : results)
    out << r.trace << ',' << r.subject << ',' << r.peak_asked << ',' << r.peak_counted << ','
        << r.upstream_calls << '\n';
  if (!out.flush()) throw std::runtime_error(csv.string() + ": cannot be written");
}

std::vector<memory_result> read_memory_results(const std::filesystem::path& csv) {
  std::vector<memory_result> results;
  for (const auto& [trace, subject, asked, counted, calls] : read_csv<5>(csv))
    results.push_back({trace, subject, std::stoul(asked), std::stoul(counted), std::stoul(calls)});
  return results;
}

} // namespace quarry_bench
