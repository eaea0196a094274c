// Churn on several threads, each with blocks of its own, all from one resource. The live blocks of all
// threads together are always as many, so that the times of different numbers of threads can be compared.
#include "churn.hpp"
#include "replay/crew.hpp"
#include "workloads.hpp"

#include <memory>

namespace quarry_bench {
namespace {

constexpr std::size_t live_in_all = 16'384;

void add_threaded_churn_of(workload_list& list, std::string name, std::size_t threads,
                           std::size_t replacements) {
  list.push_back(on_threads(std::move(name), [=]<raw_source Source>(const Source& from) {
    return together_ns_per(replacements, threads, [&](std::size_t index) {
      auto blocks = std::make_shared<churn<Source>>(from, live_in_all / threads, churn_sizes, index);
      return [blocks, share = replacements / threads] { blocks->replace(share); };
    });
  }));
}

} // namespace

void add_threaded_churn(workload_list& list, effort how_much) {
  const auto replacements = how_much.operations(2'048'000);
  add_threaded_churn_of(list, "2-thread churn", 2, replacements);
  add_threaded_churn_of(list, "64-thread churn", 64, replacements);
  add_threaded_churn_of(list, "256-thread churn", 256, replacements);
}

} // namespace quarry_bench
