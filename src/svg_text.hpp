// Pieces of SVG as text. Rung 0.
#pragma once

#include <string>
#include <string_view>

#include "plain_text.hpp"

namespace quarry::detail::svg {

inline std::string number(double value) { return plain_text::shortest(value); }

inline std::string attribute(std::string_view name, double value) {
  return " " + std::string(name) + "=\"" + number(value) + "\"";
}

inline std::string translate(double x, double y) { return "translate(" + number(x) + " " + number(y) + ")"; }

/// `more`: further attributes.
inline std::string rectangle(double x, double y, double width, double height, std::string_view more) {
  return "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
         attribute("height", height) + " " + std::string(more) + "/>";
}

/// `style`: a class of the style sheet.
inline std::string words(double x, double y, std::string_view style, std::string_view text) {
  return "<text" + attribute("x", x) + attribute("y", y) + " class=\"" + std::string(style) + "\">" +
         std::string(text) + "</text>\n";
}

} // namespace quarry::detail::svg
