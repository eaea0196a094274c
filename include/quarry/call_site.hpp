// Where a call came from: return addresses at once, names when somebody asks. Beside the ladder.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace quarry {

/// Return addresses of the callers, the innermost first; null behind the last.
struct call_site {
  static constexpr std::size_t depth = 16;
  std::array<const void*, depth> frames{};

  bool operator==(const call_site&) const = default;
};

/// "load(int) (program+0x11d9), from main (program+0x1209)": the innermost caller that is of neither the
/// standard library nor quarry, and up to two it was called from. Only exported symbols have names (an
/// executable's are when it is linked with -rdynamic); addr2line understands what is in brackets. Throws
/// std::bad_alloc.
std::string to_string(const call_site&);

namespace detail {

/// The callers of who calls this, from the one on to which `return_address` belongs: pass what
/// __builtin_return_address(0) is in the function that the user called, so that none of our frames is in it.
call_site callers_from(const void* return_address) noexcept;

} // namespace detail
} // namespace quarry
