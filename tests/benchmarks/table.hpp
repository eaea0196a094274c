// The measured times as tables in Markdown.
#pragma once

#include "summary.hpp"

#include <iosfwd>

namespace quarry_bench {

// A row per workload: the base's nanoseconds, then every subject's ratio to it; geometric means at the end.
// Where the base was not measured, the first subject takes its place.
void write_table(std::ostream& out, const summary& measured, part shown_in, const std::string& wanted_base);

} // namespace quarry_bench
