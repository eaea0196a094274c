// A segment pool, block by block, for its reports.
#include "segment_core.hpp"
#include "slab_survey.hpp"
#include "thread_call.hpp"

namespace quarry {

detail::slab_survey segment_pool::survey() const { return core().survey(); }

namespace detail {

slab_survey segment_core::survey() const {
  const thread_call inside(caches_);
  std::vector<named_number> numbers = {{"slab_size", options_.slab_size},
                                       {"largest_segment", options_.largest_segment},
                                       {"retain_bytes", options_.retain_bytes}};
  if (options_.byte_limit != segment_pool_options::unlimited)
    numbers.push_back({"byte_limit", options_.byte_limit});
  return assemble(copy_slabs(core_, true), copy_chunks(core_), {}, statistics(), std::move(numbers));
}

} // namespace detail
} // namespace quarry
