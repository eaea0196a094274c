#include "json.hpp"

#include <cstdio>
#include <ostream>

namespace quarry_replay {
namespace {

void write(std::ostream& out, const result& r, bool one_thread) {
  out << "{\"resource\": " << quoted(r.resource) << ", \"ns_per_operation\": " << r.ns
      << ", \"ratio\": " << r.ratio << ", \"peak_counted_bytes\": " << r.memory.peak_counted
      << ", \"peak_counted_per_live\": " << r.memory.held_per_live()
      << ", \"upstream_calls\": " << r.memory.upstream_calls;
  if (one_thread) out << ", \"worst_operation_ns\": " << r.worst_ns;
  out << '}';
}

void write(std::ostream& out, const comparison& compared, bool one_thread) {
  if (compared.results.empty()) {
    out << "null";
    return;
  }
  out << "{\"base\": " << quoted(compared.base) << ", \"results\": [";
  const char* separator = "\n    ";
  for (const auto& r : compared.results) {
    out << separator;
    write(out, r, one_thread);
    separator = ",\n    ";
  }
  out << "]}";
}

} // namespace

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      result += c;
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      result += escape;
    }
  }
  return result + '"';
}

void write_json(std::ostream& out, const program& p, const report& measured) {
  out << "{\"name\": " << quoted(p.name) << ", \"events\": " << p.events
      << ", \"allocations\": " << p.allocations << ", \"threads\": " << p.threads
      << ", \"threads_at_once\": " << p.threads_at_once << ", \"peak_live_bytes\": " << p.peak_live_bytes
      << ",\n  \"one_thread\": ";
  write(out, measured.one_thread, true);
  out << ",\n  \"with_threads\": ";
  write(out, measured.threaded, false);
  out << '}';
}

} // namespace quarry_replay
