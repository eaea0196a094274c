// Colours of a picture. Rung 0.
#pragma once

#include <cstddef>
#include <string>

namespace quarry::detail {

/// Colour `rank` of `count` that people tell apart: from blue over green and yellow to purple, neighbours of
/// different lightness as well. As "#rrggbb".
std::string palette_colour(std::size_t rank, std::size_t count);

} // namespace quarry::detail
