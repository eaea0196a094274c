#include "advice_output.hpp"

#include "json.hpp"
#include "tables.hpp"

#include <ostream>
#include <string>

namespace quarry_replay {
namespace {

struct option_advice {
  const char* name;
  std::size_t by_default, value, saved;
};

// Those worth setting.
std::vector<option_advice> options_of(const advice& found) {
  std::vector<option_advice> all{
      {"largest_required_pool_block", found.defaults.largest_required_pool_block,
       found.options.largest_required_pool_block, found.by_default.peak - found.with_block_limit.peak},
      {"max_blocks_per_chunk", found.defaults.max_blocks_per_chunk, found.options.max_blocks_per_chunk,
       found.with_block_limit.peak - found.with_options.peak}};
  std::erase_if(all, [](const option_advice& o) { return o.value == o.by_default; });
  return all;
}

std::string bytes_text(std::size_t bytes) {
  return bytes < 100 << 10 ? std::to_string(bytes) + " bytes" : mib(bytes);
}

void write_options(std::ostream& out, const advice& found) {
  const auto options = options_of(found);
  if (options.empty()) {
    out << "pool_options: none is worth setting; none saves 1 % without sending more than one call in 100 "
           "upstream."
           "\n\n";
    return;
  }
  out << "pool_options worth setting:\n\n";
  std::vector<std::vector<std::string>> rows{{"option", "default", "set to", "saves", "of what is held"}};
  for (const auto& o : options)
    rows.push_back({o.name, std::to_string(o.by_default), std::to_string(o.value), bytes_text(o.saved),
                    percent_of(o.saved, found.by_default.peak)});
  write_aligned(out, rows);
}

void write_rows(std::ostream& out, const advice& found) {
  if (found.rows.empty()) {
    out << "Class table: no row is worth adding, none saves 0.05 %.\n\n";
    return;
  }
  out << "Rows worth adding to the class table, each with those above it in place:\n\n";
  std::vector<std::vector<std::string>> rows{{"block size", "between", "saves", "of what is held"}};
  for (const auto& row : found.rows)
    rows.push_back({std::to_string(row.block_size),
                    std::to_string(row.below) + " and " + std::to_string(row.above), bytes_text(row.saved),
                    percent_of(row.saved, found.modelled_peak)});
  write_aligned(out, rows);
}

std::vector<std::string> replayed_row(const char* name, const replayed_pool& pool) {
  return {name, mib(pool.held.peak), fixed(pool.ns, 1), std::to_string(pool.held.upstream_calls)};
}

void write_confirmation(std::ostream& out, const advice& found) {
  if (options_of(found).empty()) return;
  out << "Replayed with these options:\n\n";
  write_aligned(out, {{"options", "peak held", "ns/op", "upstream calls"},
                      replayed_row("default", found.replayed_by_default),
                      replayed_row("as advised", found.replayed_as_advised)});
  const std::size_t before = found.replayed_by_default.held.peak, after = found.replayed_as_advised.held.peak;
  if (after < before)
    out << "Confirmed: they save " << bytes_text(before - after) << ", simulated were "
        << bytes_text(found.by_default.peak - found.with_options.peak) << ".\n\n";
  else
    out << "Not confirmed: the replay held no less.\n\n";
}

void write(std::ostream& out, const replayed_pool& pool) {
  out << "{\"peak_counted_bytes\": " << pool.held.peak << ", \"ns_per_operation\": " << pool.ns
      << ", \"upstream_calls\": " << pool.held.upstream_calls << '}';
}

} // namespace

void write_tables(std::ostream& out, const program& p, const advice& found) {
  out << p.name << ": " << p.events << " events, " << mib(p.peak_live_bytes) << " live at most";
  if (p.events == 0) {
    out << "\n\nNothing to advise on.\n\n";
    return;
  }
  out << "; with the default options a pool holds " << mib(found.by_default.peak) << "\n\n";
  write_options(out, found);
  write_rows(out, found);
  write_confirmation(out, found);
}

void write_json(std::ostream& out, const program& p, const advice& found) {
  out << "{\"name\": " << quoted(p.name) << ", \"peak_live_bytes\": " << p.peak_live_bytes
      << ", \"held_by_default_bytes\": " << found.by_default.peak << ",\n  \"options\": [";
  const char* separator = "";
  for (const auto& o : options_of(found)) {
    out << separator << "{\"option\": " << quoted(o.name) << ", \"default\": " << o.by_default
        << ", \"value\": " << o.value << ", \"saved_bytes\": " << o.saved << '}';
    separator = ", ";
  }
  out << "],\n  \"rows\": [";
  separator = "";
  for (const auto& row : found.rows) {
    out << separator << "{\"block_size\": " << row.block_size << ", \"below\": " << row.below
        << ", \"above\": " << row.above << ", \"saved_bytes\": " << row.saved << '}';
    separator = ", ";
  }
  out << "],\n  \"replayed\": {\"by_default\": ";
  write(out, found.replayed_by_default);
  out << ", \"as_advised\": ";
  write(out, found.replayed_as_advised);
  out << "}}";
}

} // namespace quarry_replay
