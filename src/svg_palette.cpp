#include "svg_palette.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace quarry::detail {

namespace {

double gamma_encoded(double linear) {
  linear = std::clamp(linear, 0.0, 1.0);
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
}

std::string hexadecimal(double value) {
  constexpr char digits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned>(std::lround(255 * value));
  return {digits[byte / 16], digits[byte % 16]};
}

// In Oklab's cylinder steps of hue look equal. After Ottosson, "A perceptual color space for image
// processing" (2020).
std::string oklch(double lightness, double chroma, double degrees) {
  const double hue = degrees * std::numbers::pi / 180;
  const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  const std::array<double, 3> rgb = {+4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
                                     -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
                                     -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
  std::string text = "#";
  for (const double channel : rgb) text += hexadecimal(gamma_encoded(channel));
  return text;
}

} // namespace

std::string palette_colour(std::size_t rank, std::size_t count) {
  constexpr double first_hue = 262, last_hue = -32; // down over green, yellow and red
  const double share = count < 2 ? 0 : static_cast<double>(rank) / static_cast<double>(count - 1);
  const double lightness = rank % 2 == 0 ? 0.56 : 0.66;
  return oklch(lightness, 0.15, first_hue + share * (last_hue - first_hue));
}

} // namespace quarry::detail
