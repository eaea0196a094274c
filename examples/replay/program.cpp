#include "program.hpp"

#include "tables.hpp"

#include "replay/joined_threads.hpp"

#include <algorithm>
#include <iostream>

#include <unistd.h>

namespace quarry_replay {
namespace {

constexpr std::size_t most_threads_at_once = 512;

std::string name_of(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return name.substr(0, name.find(".qtrace"));
}

// What resources may take for the blocks that are live at most: bytes rounded up to alignments. No integer,
// which large alignments would overflow.
double memory_needed(const trace& recorded) {
  double now = 0, most = 0;
  for (const auto& event : recorded.events) {
    const auto& block = recorded.blocks[event.block];
    const std::size_t bytes = (block.size + block.alignment() - 1) & ~(block.alignment() - 1);
    now += static_cast<double>(bytes) * (event.is_deallocation ? -1 : 1);
    most = std::max(most, now);
  }
  return most;
}

double memory_here() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::string gib(double bytes) { return fixed(bytes / (1 << 30), 1) + " GiB"; }

trace read_checked(const std::filesystem::path& file) {
  trace recorded = read_trace(file);
  const double needed = memory_needed(recorded);
  if (needed > memory_here())
    throw trace_error(file.string() + ": needs " + gib(needed) + " of memory; here are " +
                      gib(memory_here()));
  return recorded;
}

} // namespace

void check_program(const std::filesystem::path& file) {
  std::error_code ignored; // what cannot be looked at cannot be read, which is said below
  const auto found = std::filesystem::status(file, ignored);
  if (std::filesystem::exists(found) && !std::filesystem::is_regular_file(found))
    throw trace_error(file.string() + ": not a regular file, and it has to be read twice");
  read_checked(file);
}

program read_program(const std::filesystem::path& file) {
  const trace recorded = read_checked(file);
  if (recorded.uncounted_bytes != 0)
    std::cerr << "quarry-replay: " << file.string() << ": the recording was cut short; the last "
              << recorded.uncounted_bytes << " bytes are left out\n";
  program result{.name = name_of(file),
                 .events = recorded.events.size(),
                 .allocations = recorded.blocks.size(),
                 .peak_live_bytes = recorded.peak_live_bytes,
                 .threads = recorded.thread_count,
                 .threads_at_once = 0,
                 .script = script_of(recorded),
                 .threaded = {}};
  const trace joined = with_threads_joined(recorded);
  result.threads_at_once = joined.thread_count;
  if (joined.thread_count > 1 && joined.thread_count <= most_threads_at_once)
    result.threaded = threaded_script_of(joined);
  return result;
}

} // namespace quarry_replay
