// Whether the tests run with poisoned memory: under AddressSanitizer or memcheck. Then pools have no
// magazines, leave a tail behind each block, and keep freed blocks back for a while, so what is promised of
// memory and of when upstream is called doesn't apply.
#pragma once

#include <algorithm>
#include <cstddef>

#include "../../src/poison.hpp"

namespace quarry::test {

inline bool memory_is_poisoned() { return quarry::detail::poisoning(); }

/// The size of the block that serves a request; an oversized one is one of the size asked.
template <class Pool>
std::size_t block_serving(const Pool& pool, std::size_t bytes, std::size_t alignment) {
  const std::size_t good = pool.good_size(bytes, alignment);
  const bool pooled =
      last_byte_of(std::max<std::size_t>(bytes, 1), alignment) < pool.options().largest_required_pool_block &&
      alignment <= quarry::detail::granule;
  if (!pooled || !memory_is_poisoned()) return good;
  return block_size_of(quarry::detail::class_with_tail(std::max<std::size_t>(bytes, 1), alignment));
}

} // namespace quarry::test
