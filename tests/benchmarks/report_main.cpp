// From the raw results of a folder to the tables and what they say about the aims.
#include "aims.hpp"
#include "table.hpp"
#include "trace_files.hpp"

#include <quarry/pool_resource.hpp>

#include <exception>
#include <iostream>

namespace quarry_bench {
namespace {

bool mostly_oversized(const quarry_replay::trace& recorded) {
  const std::size_t largest_pooled =
      quarry::unsynchronized_pool_resource().options().largest_required_pool_block;
  std::size_t all = 0, oversized = 0;
  for (const auto& block : recorded.blocks) {
    all += block.size;
    if (block.size > largest_pooled) oversized += block.size;
  }
  return 2 * oversized > all;
}

std::set<std::string> mostly_oversized_workloads(const std::filesystem::path& traces) {
  std::set<std::string> names;
  for (const auto& file : trace_files(traces))
    if (mostly_oversized(quarry_replay::read_trace(file.path)))
      names.insert({"trace " + file.name, "threaded trace " + file.name});
  return names;
}

void write_tables(const summary& measured) {
  write_table(std::cout, measured, part::one_thread, "floor");
  write_table(std::cout, measured, part::several_threads, "quarry sync");
  write_table(std::cout, measured, part::segments, "quarry segments");
}

void report(const std::filesystem::path& results, const std::filesystem::path& traces) {
  const evidence shown{summary(read_from_file(results / "times.csv")),
                       summary(read_from_file(results / "processes.csv")),
                       read_memory_results(results / "memory.csv"), mostly_oversized_workloads(traces)};
  std::cout
      << "## In turn in one process\n\n"
         "Nanoseconds per operation of the first subject, and the other subjects' ratios to it in the same "
         "round; medians over the rounds. One thread: its processor time; several: time on the wall. "
         "– where a subject has no such call or returns misaligned blocks; a geometric mean is over the "
         "workloads "
         "that the subject took part in.\n\n";
  write_tables(shown.in_turn);
  std::cout << "## Other mallocs, in processes of their own by turns with ours\n\n"
               "new/delete with the malloc named preloaded.\n\n";
  write_tables(shown.processes);
  std::cout << "## Aims\n\n";
  write_aims(std::cout, shown);
}

} // namespace
} // namespace quarry_bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: quarry_benchmark_report RESULTS TRACES\n";
    return 2;
  }
  try {
    quarry_bench::report(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "quarry_benchmark_report: " << error.what() << '\n';
    return 1;
  }
}
