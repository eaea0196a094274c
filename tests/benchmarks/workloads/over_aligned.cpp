// Churn of blocks aligned to a cache line.
#include "alignment_kept.hpp"
#include "churn.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

namespace quarry_bench {
namespace {

constexpr size_range line_sizes{64, 512, 64};

} // namespace

void add_over_aligned(workload_list& list, effort how_much) {
  const auto replacements = how_much.operations(500'000);
  list.push_back(on_one_thread("over-aligned (64) churn 10k live",
                               [=](const raw_source auto& from) -> std::optional<double> {
                                 if (!keeps_the_alignment(from, line_sizes.smallest, line_sizes.alignment))
                                   return {};
                                 churn blocks(from, 10'000, line_sizes);
                                 return processor_ns_per(replacements, [&] { blocks.replace(replacements); });
                               }));
}

} // namespace quarry_bench
