#include "tables.hpp"

#include <algorithm>
#include <cstdio>
#include <ostream>

namespace quarry_replay {
namespace {

std::vector<std::string> row_of(const result& r, bool one_thread) {
  std::vector<std::string> row{r.resource,
                               fixed(r.ns, 1),
                               fixed(r.ratio, 2),
                               mib(r.memory.peak_counted),
                               fixed(r.memory.held_per_live(), 2),
                               std::to_string(r.memory.upstream_calls)};
  if (one_thread) row.push_back(fixed(r.worst_ns / 1000, 1));
  return row;
}

void write_table(std::ostream& out, const comparison& compared, bool one_thread) {
  std::vector<std::vector<std::string>> rows{
      {"resource", "ns/op", "÷ " + compared.base, "peak held", "÷ live", "upstream calls"}};
  if (one_thread) rows.front().push_back("worst op, µs");
  for (const auto& r : compared.results) rows.push_back(row_of(r, one_thread));
  write_aligned(out, rows);
}

// Of a text in UTF-8.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padding(std::size_t count, char with) { return std::string(count, with); }

} // namespace

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string mib(std::size_t bytes) { return fixed(static_cast<double>(bytes) / (1 << 20), 1) + " MiB"; }

std::string percent_of(std::size_t part, std::size_t whole) {
  return fixed(100 * static_cast<double>(part) / static_cast<double>(whole), 1) + " %";
}

void write_aligned(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const std::string pad = padding(widths[c] - width(rows[r][c]), ' ');
      out << "| " << (c == 0 ? rows[r][c] + pad : pad + rows[r][c]) << ' ';
    }
    out << "|\n";
    if (r != 0) continue;
    for (std::size_t c = 0; c < widths.size(); ++c)
      out << (c == 0 ? "|" + padding(widths[c] + 2, '-') : "|" + padding(widths[c] + 1, '-') + ":");
    out << "|\n";
  }
  out << '\n';
}

void write_tables(std::ostream& out, const program& p, const report& measured) {
  out << p.name << ": " << p.events << " events, " << p.allocations << " allocations, " << p.threads
      << (p.threads == 1 ? " thread" : " threads");
  if (p.threads_at_once != p.threads) out << " (" << p.threads_at_once << " at a time)";
  out << ", " << mib(p.peak_live_bytes) << " live at most\n\n";
  if (p.events == 0) {
    out << "Nothing to replay.\n\n";
    return;
  }
  out << "On one thread:\n\n";
  write_table(out, measured.one_thread, true);
  if (measured.threaded.results.empty()) return;
  out << "With its threads:\n\n";
  write_table(out, measured.threaded, false);
}

} // namespace quarry_replay
