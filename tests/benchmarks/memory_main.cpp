// How much memory pools hold at their peak for what a recorded program had live at its peak, and what the
// part beyond that is. Prints a table; with a second argument, writes the raw numbers to that file.
#include "counting_upstream.hpp"
#include "memory_results.hpp"
#include "replay/boost_pools.hpp"
#include "replay/trace_replay.hpp"
#include "sources.hpp"
#include "trace_files.hpp"

#include <quarry/pool_resource.hpp>
#include <quarry/statistics.hpp>

#include <exception>
#include <iomanip>
#include <iostream>
#include <limits>

namespace quarry_bench {
namespace {

struct split { // of what is counted at the peak
  std::size_t asked, rounding, cached, free, other;
};

struct memory_use {
  std::size_t counted, upstream_calls;
  std::optional<split> parts; // of the pools that tell
};

struct replayed {
  std::size_t live_asked = 0;
};

// Replays up to and including the operation with the number `last`.
replayed replay_until(std::size_t last, const trace_script& script, std::pmr::memory_resource& pool,
                      counting_upstream& upstream, replay_slots& slots) {
  replayed result;
  const std::size_t end = std::min(script.operations.size(), last + 1);
  for (std::size_t i = 0; i < end; ++i) {
    const auto& op = script.operations[i];
    upstream.set_moment(i);
    replay(virtual_source{&pool}, op, slots);
    result.live_asked += op.allocates ? op.size : -std::size_t{op.size};
  }
  return result;
}

template <class Pool>
split split_of(const Pool& pool, std::size_t asked, std::size_t counted) {
  const quarry::pool_statistics all = pool.statistics();
  const std::size_t in_blocks = all.bytes_in_use + all.bytes_cached + all.bytes_free;
  return {asked, all.bytes_in_use - asked, all.bytes_cached, all.bytes_free, counted - in_blocks};
}

template <class Pool>
constexpr bool has_statistics = requires(const Pool& pool) {
  pool.statistics();
};

template <class Pool>
memory_use memory_of(const trace_script& script) {
  memory_use use{};
  std::size_t peak = 0;
  replay_slots slots(script.slot_count);
  {
    counting_upstream upstream(sizeof(Pool));
    Pool pool(&upstream);
    replay_until(script.operations.size(), script, pool, upstream, slots);
    peak = upstream.moment_of_peak();
    use.counted = upstream.peak_counted();
    use.upstream_calls = upstream.calls();
    replay(virtual_source{&pool}, script.never_freed, slots);
  }
  if constexpr (has_statistics<Pool>) { // again, up to the peak, to look at it
    counting_upstream upstream(sizeof(Pool));
    Pool pool(&upstream);
    const auto until_peak = replay_until(peak, script, pool, upstream, slots);
    use.parts = split_of(pool, until_peak.live_asked, upstream.counted());
    pool.release();
  }
  return use;
}

struct row_maker {
  const char* subject;
  memory_use (*measure)(const trace_script&);
};

constexpr row_maker subjects[] = {
    {"quarry unsync", memory_of<quarry::unsynchronized_pool_resource>},
    {"quarry sync", memory_of<quarry::synchronized_pool_resource>},
    {"std unsync", memory_of<std::pmr::unsynchronized_pool_resource>},
    {"std sync", memory_of<std::pmr::synchronized_pool_resource>},
    {"boost unsync", memory_of<boost_unsynchronized_pool>},
    {"boost sync", memory_of<boost_synchronized_pool>},
};

// As a share of the peak live bytes that were asked for.
void write_share(std::size_t bytes, std::size_t peak_asked) {
  std::cout << std::setprecision(3) << static_cast<double>(bytes) / static_cast<double>(peak_asked) << " | ";
}

void write_row(const std::string& trace, const char* subject, const memory_use& use, std::size_t peak_asked) {
  std::cout << "| " << trace << " | " << subject << " | " << std::setprecision(2)
            << static_cast<double>(peak_asked) / (1 << 20) << " | ";
  write_share(use.counted, peak_asked);
  if (use.parts)
    for (const auto part :
         {use.parts->asked, use.parts->rounding, use.parts->cached, use.parts->free, use.parts->other})
      write_share(part, peak_asked);
  else
    std::cout << "– | – | – | – | – | ";
  std::cout << use.upstream_calls << " |\n";
}

std::vector<memory_result> write_table(const std::filesystem::path& folder) {
  std::cout
      << "| trace | subject | peak asked, MiB | counted ÷ asked | of it asked | class rounding | cached | "
         "free blocks | bookkeeping, uncarved | upstream calls |\n"
      << "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
      << std::fixed;
  std::vector<memory_result> raw;
  for (const auto& file : trace_files(folder)) {
    const auto recorded = quarry_replay::read_trace(file.path);
    const auto script = script_of(recorded);
    for (const auto& [subject, measure] : subjects) {
      const auto use = measure(script);
      write_row(file.name, subject, use, recorded.peak_live_bytes);
      raw.push_back({file.name, subject, recorded.peak_live_bytes, use.counted, use.upstream_calls});
    }
  }
  return raw;
}

} // namespace
} // namespace quarry_bench

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::cerr << "usage: quarry_memory_table TRACES [RAW_RESULTS.csv]\n";
    return 2;
  }
  try {
    const auto raw = quarry_bench::write_table(argv[1]);
    if (argc == 3) quarry_bench::write_to_file(raw, argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "quarry_memory_table: " << error.what() << '\n';
    return 1;
  }
}
