// Pools that serve a request and end: construct, allocate blocks of various sizes, free them, destroy.
#include "../random.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <vector>

namespace quarry_bench {
namespace {

constexpr std::size_t request_alignment = 8;

template <raw_source Source>
void serve(const std::vector<std::size_t>& sizes, std::vector<void*>& blocks, const Source& from) {
  for (std::size_t i = 0; i < sizes.size(); ++i)
    blocks[i] = ::new (from.allocate(sizes[i], request_alignment)) std::size_t{i};
  for (std::size_t i = 0; i < sizes.size(); ++i) from.deallocate(blocks[i], sizes[i], request_alignment);
}

bool serves_requests_of_any_size(const subject& s) {
  bool does = false;
  s.with_fresh(std::pmr::new_delete_resource(), [&](const source& fresh) {
    does = std::visit([]<class Source>(const Source&) { return raw_source<Source>; }, fresh);
  });
  return does;
}

workload short_lived(const char* name, std::size_t pools, const std::vector<std::size_t>& sizes) {
  return {name, part::one_thread, [pools, sizes](const subject& s) -> std::optional<double> {
            if (!serves_requests_of_any_size(s)) return {};
            std::vector<void*> blocks(sizes.size());
            const use_of_source use = [&](const source& fresh) {
              std::visit(
                  [&]<class Source>(const Source& from) {
                    if constexpr (raw_source<Source>) serve(sizes, blocks, from);
                  },
                  fresh);
            };
            return processor_ns_per(pools, [&] {
              for (std::size_t i = 0; i < pools; ++i) s.with_fresh(std::pmr::new_delete_resource(), use);
            });
          }};
}

std::vector<std::size_t> mixed_sizes(std::size_t count) {
  random_numbers random;
  std::vector<std::size_t> sizes(count);
  for (std::size_t& size : sizes) size = random.between(8, 512);
  return sizes;
}

} // namespace

void add_short_lived(workload_list& list, effort how_much) {
  list.push_back(short_lived("short-lived pool", how_much.operations(30'000),
                             {24, 24, 64, 24, 100, 40, 24, 64, 40, 24}));
  list.push_back(short_lived("short-lived of 200 sizes", how_much.operations(3'000), mixed_sizes(200)));
}

} // namespace quarry_bench
