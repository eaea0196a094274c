// Whether the tests run with poisoned memory: under AddressSanitizer or memcheck. Then pools have no
// magazines, leave a tail behind each block, and keep freed blocks back for a while, so what is promised of
// memory and of when upstream is called doesn't apply.
#pragma once

#include "../../src/poison.hpp"

namespace quarry::test {

inline bool memory_is_poisoned() { return detail::poisoning(); }

} // namespace quarry::test
