// A pool that serves ten requests: construct, allocate ten blocks of various sizes, free them, destroy.
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <array>

namespace quarry_bench {
namespace {

constexpr std::array<std::size_t, 10> request_sizes{24, 24, 64, 24, 100, 40, 24, 64, 40, 24};
constexpr std::size_t request_alignment = 8;

template <raw_source Source>
void ten_requests(const Source& from) {
  std::array<void*, request_sizes.size()> blocks{};
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i] = ::new (from.allocate(request_sizes[i], request_alignment)) std::size_t{i};
  for (std::size_t i = 0; i < blocks.size(); ++i)
    from.deallocate(blocks[i], request_sizes[i], request_alignment);
}

bool serves_requests_of_any_size(const subject& s) {
  bool does = false;
  s.with_fresh(std::pmr::new_delete_resource(), [&](const source& fresh) {
    does = std::visit([]<class Source>(const Source&) { return raw_source<Source>; }, fresh);
  });
  return does;
}

} // namespace

void add_short_lived(workload_list& list, effort how_much) {
  const auto pools = how_much.operations(30'000);
  list.push_back({"short-lived pool", part::one_thread, [pools](const subject& s) -> std::optional<double> {
                    if (!serves_requests_of_any_size(s)) return {};
                    const use_of_source use = [](const source& fresh) {
                      std::visit(
                          []<class Source>(const Source& from) {
                            if constexpr (raw_source<Source>) ten_requests(from);
                          },
                          fresh);
                    };
                    return processor_ns_per(pools, [&] {
                      for (std::size_t i = 0; i < pools; ++i)
                        s.with_fresh(std::pmr::new_delete_resource(), use);
                    });
                  }});
}

} // namespace quarry_bench
