// Where a request goes that neither the hot path nor the nursery served: upstream, past magazines while
// memory is poisoned, or to the magazines. Rung 6, cold, for both resources.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "poison.hpp"
#include "pool_core.hpp"

namespace quarry::detail {

// A request for nothing gets a block like one for a byte.
inline std::size_t at_least_one(std::size_t bytes) noexcept { return std::max<std::size_t>(bytes, 1); }

inline size_class class_to_reserve(const pool_core& core, std::size_t bytes, std::size_t alignment) {
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment))
    throw std::invalid_argument("quarry: reserve: such requests are oversized");
  return core.class_of(bytes, alignment);
}

// Neither is inlined: then what comes before needs no frame. A state has a core and magazines.

template <class State>
[[gnu::noinline]] void* allocate_past_nursery(State& s, std::size_t bytes, std::size_t alignment) {
  pool_core& core = s.core;
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment)) return core.large().allocate(bytes, alignment);
  if (poisoning()) return core.allocate_poisoned(core.class_of(bytes, alignment), bytes);
  return s.magazines.allocate(size_class_of_last(last));
}

template <class State>
[[gnu::noinline]] void deallocate_past_nursery(State& s, void* p, std::size_t bytes,
                                               std::size_t alignment) noexcept {
  pool_core& core = s.core;
  const std::size_t last = last_byte_of(at_least_one(bytes), alignment);
  if (!core.pooled(last, alignment)) return core.deallocate_oversized(p, bytes, alignment);
  if (poisoning()) return core.deallocate_poisoned(core.class_of(bytes, alignment), p);
  s.magazines.deallocate(size_class_of_last(last), p);
}

} // namespace quarry::detail
