// simulate [--measure] [--traces DIR]
// Prints the costs that the simulation assumes, and its tables. --measure: measures the costs on this machine
// and prints both.
#include "measure.hpp"
#include "report.hpp"

#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>

namespace {

using namespace quarry_simulation;

constexpr std::size_t operations_per_core = 18000;

std::vector<named_workload> made_up() {
  return {
      {"local churn", [](int cores) { return local_churn(cores, operations_per_core); }},
      {"producer/consumer", [](int cores) { return producer_consumer(cores, operations_per_core); }},
      {"generations of threads", [](int cores) { return generations(cores, operations_per_core); }},
  };
}

// The recordings of programs with several threads.
void add_traces(std::vector<named_workload>& workloads, const std::filesystem::path& folder) {
  for (const char* name : {"gstreamer", "redis"}) {
    const auto file = folder / (name + std::string(".qtrace.xz"));
    if (!std::filesystem::exists(file)) continue;
    const auto recorded = std::make_shared<quarry_replay::trace>(quarry_replay::read_trace(file));
    workloads.push_back({"trace " + std::string(name), [recorded](int cores) {
                           return replicated(*recorded, cores, operations_per_core);
                         }});
  }
}

int run(int argc, char** argv) {
  std::filesystem::path traces;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--measure") == 0) {
      print_parameters(std::cout, costs{}, measure_costs());
      return 0;
    }
    if (std::strcmp(argv[i], "--traces") != 0 || ++i == argc) {
      std::cerr << "usage: simulate [--measure] [--traces DIR]\n";
      return 2;
    }
    traces = argv[i];
    if (!std::filesystem::is_directory(traces)) {
      std::cerr << "simulate: " << traces.string() << " is no folder\n";
      return 2;
    }
  }
  auto workloads = made_up();
  add_traces(workloads, traces);
  print_parameters(std::cout, costs{}, {});
  report(std::cout, workloads);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "simulate: " << e.what() << '\n';
    return 1;
  }
}
