// A constant number of live blocks of 8 to 512 bytes; each operation frees a random one and allocates
// another.
#include "churn.hpp"

#include "replay/timing.hpp"
#include "workloads.hpp"

namespace quarry_bench {
namespace {

void add_churn_of(workload_list& list, std::string name, std::size_t live, std::size_t replacements) {
  list.push_back(on_one_thread(std::move(name), [=](const raw_source auto& from) {
    churn blocks(from, live, churn_sizes);
    return processor_ns_per(replacements, [&] { blocks.replace(replacements); });
  }));
}

} // namespace

void add_churn(workload_list& list, effort how_much) {
  add_churn_of(list, "churn 1k live", 1'000, how_much.operations(1'000'000));
  add_churn_of(list, "churn 100k live", 100'000, how_much.operations(1'000'000));
  add_churn_of(list, "churn 1M live", 1'000'000, how_much.operations(1'000'000));
}

} // namespace quarry_bench
