#pragma once

#include "measure.hpp"

#include <iosfwd>

namespace quarry_replay {

/// Tables in Markdown, aligned for a terminal.
void write_tables(std::ostream& out, const program&, const report&);

/// Right-aligned columns but for the first, under their headings.
void write_aligned(std::ostream& out, const std::vector<std::vector<std::string>>& rows);

std::string mib(std::size_t bytes);                          ///< "34.7 MiB"
std::string fixed(double value, int digits);                 ///< "1.23"
std::string percent_of(std::size_t part, std::size_t whole); ///< "4.5 %"

} // namespace quarry_replay
