// What a checked_resource says of misuse. Beside the ladder.
#pragma once

#include <cstddef>

#include <quarry/call_site.hpp>
#include <quarry/violation.hpp>

#include "checked_blocks.hpp"

namespace quarry::detail {

/// A call of deallocate, as it was made.
struct free_call {
  const void* address;
  std::size_t size, alignment;
  call_site site;
};

/// Reports a free that was refused, for the reason in `claim`.
void report_refused(const free_call&, const checked_blocks::claim&, violation_handler) noexcept;

/// Reports what was written beside the block, or, by report_late_write, into it after its free.
void report_damage(const checked_block&, violation_handler) noexcept;
void report_late_write(const checked_block&, violation_handler) noexcept;

void report_leak(const checked_block&, violation_handler) noexcept;
/// Reports leaks of which there were too many to tell them one by one.
void report_more_leaks(std::size_t blocks, std::size_t bytes, violation_handler) noexcept;

} // namespace quarry::detail
