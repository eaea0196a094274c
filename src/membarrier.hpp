// A memory barrier in every thread of the process, paid by the caller. Rung 0.
#pragma once

namespace quarry::detail {

/// Whether the kernel has it; asked once. Without it no thread gets magazines, since none could be visited.
bool membarrier_works() noexcept;

/// Returns after every running thread of the process has executed a full barrier. Expects:
/// membarrier_works().
void membarrier_all_threads() noexcept;

} // namespace quarry::detail
