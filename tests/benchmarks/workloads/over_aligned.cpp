// Churn of blocks aligned to a cache line.
#include "churn.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <array>
#include <cstdint>

namespace quarry_bench {
namespace {

constexpr size_range line_sizes{64, 512, 64};

// Some pools ignore the alignment: their time would be that of another job.
template <class Source>
bool keeps_the_alignment(const Source& from) {
  std::array<void*, 64> blocks{};
  std::uintptr_t low_bits = 0;
  for (void*& b : blocks) {
    b = from.allocate(line_sizes.smallest, line_sizes.alignment);
    low_bits |= reinterpret_cast<std::uintptr_t>(b) % line_sizes.alignment;
  }
  for (void* const b : blocks) from.deallocate(b, line_sizes.smallest, line_sizes.alignment);
  return low_bits == 0;
}

} // namespace

void add_over_aligned(workload_list& list, effort how_much) {
  const auto replacements = how_much.operations(500'000);
  list.push_back(on_one_thread("over-aligned (64) churn 10k live",
                               [=](const raw_source auto& from) -> std::optional<double> {
                                 if (!keeps_the_alignment(from)) return {};
                                 churn blocks(from, 10'000, line_sizes);
                                 return processor_ns_per(replacements, [&] { blocks.replace(replacements); });
                               }));
}

} // namespace quarry_bench
