// Memory straight from the operating system. A wrapper beside the ladder.
#pragma once

#include <memory_resource>

namespace quarry {

/// The resource whose blocks are whole pages of the operating system, at any power-of-two alignment; never
/// destroyed. Allocation throws std::bad_alloc when the system has no more; deallocation unmaps at once.
std::pmr::memory_resource* page_resource() noexcept;

} // namespace quarry
