#pragma once

#include "measure.hpp"

#include <iosfwd>
#include <string>

namespace quarry_replay {

/// As a JSON string, quotes included.
std::string quoted(const std::string& text);

/// One program as a JSON object:
///
///   name, events, allocations, threads, threads_at_once, peak_live_bytes,
///   one_thread, with_threads: {base, results: [{resource, ns_per_operation, ratio, peak_counted_bytes,
///     peak_counted_per_live, upstream_calls, worst_operation_ns}]}
///
/// with_threads is null for a program of one thread; worst_operation_ns is there on one thread only.
void write_json(std::ostream& out, const program&, const report&);

} // namespace quarry_replay
