// Pages that are there before they are written to. Rung 0.
#pragma once

#include <cstddef>

namespace quarry::detail {

/// Has the system map the pages of memory that is about to be written to: one call in place of a fault for
/// each. Does nothing for memory that seems to be mapped, or is not whole pages, or where the system can't.
void prefault(void* memory, std::size_t bytes) noexcept;

} // namespace quarry::detail
