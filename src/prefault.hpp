// Pages that are there before they are written to. Rung 0.
#pragma once

#include <cstddef>

namespace quarry::detail {

/// Has the system map whole pages as if each was written to: one call in place of a fault for each. When it
/// did not, returns false and `errno` says why: EINVAL where it can't, as before Linux 5.14.
bool populate(void* memory, std::size_t bytes) noexcept;

/// The same for all pages of memory that is about to be written to, those at its ends included. Does nothing
/// where that seems to be mapped, or has no whole page, or where the system can't.
void prefault(void* memory, std::size_t bytes) noexcept;

} // namespace quarry::detail
