// What is reported when memory is misused, and to whom. Rung 0.
#pragma once

#include <cstddef>
#include <string_view>

namespace quarry {

enum class violation_kind {
  double_free,
  wrong_size,
  wrong_alignment,
  foreign_pointer,
  overrun,
  underrun,
  write_after_free,
  leak
};

/// One misuse, described. `message` lives as long as the call of the handler.
struct violation {
  violation_kind kind;
  const void* address;
  std::size_t size, alignment;
  std::string_view message;
};

/// Where reports go. The default ({}) prints the message on stderr and aborts, but for `leak`, where it goes
/// on.
struct violation_handler {
  void (*report)(const violation&, void* context) noexcept = nullptr;
  void* context = nullptr;
};

/// Sets the process-wide handler, atomically, and returns the one before.
violation_handler set_violation_handler(violation_handler) noexcept;

/// The name of a kind as written in the enumeration: "double_free".
std::string_view to_string(violation_kind) noexcept;

namespace detail {

/// Reports to `own` if it has a function, else to the process-wide handler. Returns when the handler does.
void report_violation(violation_kind, const void* address, std::size_t size, std::size_t alignment,
                      std::string_view what, violation_handler own = {}) noexcept;

} // namespace detail
} // namespace quarry
