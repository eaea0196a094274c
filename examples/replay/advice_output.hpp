#pragma once

#include "advice.hpp"

#include <iosfwd>

namespace quarry_replay {

void write_tables(std::ostream& out, const program&, const advice&);

/// One program as a JSON object:
///
///   name, peak_live_bytes, held_by_default_bytes,
///   options: [{option, default, value, saved_bytes}], rows: [{block_size, below, above, saved_bytes}],
///   replayed: {by_default, as_advised: {peak_counted_bytes, ns_per_operation, upstream_calls}}
///
/// options holds those worth setting. Savings are simulated, what is replayed is measured.
void write_json(std::ostream& out, const program&, const advice&);

} // namespace quarry_replay
