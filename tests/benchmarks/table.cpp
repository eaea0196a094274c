#include "table.hpp"

#include <algorithm>
#include <iomanip>
#include <ostream>

namespace quarry_bench {
namespace {

void write_cell(std::ostream& out, std::optional<double> value, int digits) {
  if (value)
    out << " | " << std::fixed << std::setprecision(digits) << *value;
  else
    out << " | –";
}

void write_head(std::ostream& out, const std::vector<std::string>& subjects, const std::string& base) {
  out << "| workload | " << base << ", ns";
  for (const auto& s : subjects) out << " | " << s;
  out << " |\n|---|--:";
  for (std::size_t i = 0; i < subjects.size(); ++i) out << "|--:";
  out << "|\n";
}

bool takes_part(const summary& measured, const std::vector<std::string>& workloads,
                const std::string& subject) {
  for (const auto& w : workloads)
    if (measured.median_ns(w, subject)) return true;
  return false;
}

} // namespace

void write_table(std::ostream& out, const summary& measured, part shown_in, const std::string& wanted_base) {
  const auto& workloads = measured.workloads(shown_in);
  auto subjects = measured.subjects();
  std::erase_if(subjects, [&](const auto& s) { return !takes_part(measured, workloads, s); });
  if (subjects.empty()) return;
  const auto found = std::find(subjects.begin(), subjects.end(), wanted_base);
  const std::string base = found == subjects.end() ? subjects.front() : wanted_base;
  std::erase(subjects, base);
  write_head(out, subjects, base);

  std::vector<std::vector<double>> ratios(subjects.size());
  for (const auto& w : workloads) {
    out << "| " << w;
    write_cell(out, measured.median_ns(w, base), 1);
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      const auto ratio = measured.ratio(w, subjects[i], base);
      if (ratio) ratios[i].push_back(*ratio);
      write_cell(out, ratio, 2);
    }
    out << " |\n";
  }
  if (shown_in == part::segments) { // unlike each other: no mean
    out << '\n';
    return;
  }
  out << "| **geometric mean** | ";
  for (const auto& all : ratios)
    write_cell(out, all.empty() ? std::optional<double>{} : geometric_mean(all), 2);
  out << " |\n\n";
}

} // namespace quarry_bench
