// Where the slabs of a pool lie: its chunks, as bars.
#include <algorithm>
#include <array>

#include "report_svg.hpp"
#include "svg_text.hpp"

namespace quarry::detail {

namespace {

constexpr double gap = 4; // between rows
constexpr double heading_height = 34;
constexpr double wished_area = 400'000; // of all bars, in pixels
constexpr double least_height = 5, most_height = 20;
constexpr double most_pixels_per_byte = 1.0 / 16;

// Calls f(chunk, left, top, width) for each; bars follow each other as words do. Returns their height.
template <class Function>
double place(const slab_survey& survey, double pixels_per_byte, double height, Function f) {
  double left = 0, top = 0;
  for (const surveyed_chunk& each : survey.chunks) {
    const double width = static_cast<double>(each.bytes) * pixels_per_byte;
    if (left + width > slab_layout::inner_width + 0.01) {
      left = 0;
      top += height + gap;
    }
    f(each, left, top, width);
    left += width;
  }
  return top + height;
}

double less_a_gap(double width) { return width - std::min(3.0, width / 4); }

} // namespace

// Full rows of the largest chunks fill the page; as many in a row as it takes.
chunk_bars::chunk_bars(const slab_survey& survey, double top) : survey_(survey), top_(top) {
  std::size_t all = 0, largest = 1;
  for (const surveyed_chunk& each : survey.chunks) {
    all += each.bytes;
    largest = std::max(largest, each.bytes);
  }
  for (double in_a_row = 1;; ++in_a_row) {
    pixels_per_byte_ = slab_layout::inner_width / (in_a_row * static_cast<double>(largest));
    if (pixels_per_byte_ > most_pixels_per_byte) continue;
    const double length = static_cast<double>(all) * pixels_per_byte_;
    bar_height_ = std::clamp(wished_area / length - gap, least_height, most_height);
    if (length * (bar_height_ + gap) <= wished_area) break;
  }
}

double chunk_bars::bottom() const noexcept {
  if (survey_.chunks.empty()) return top_;
  return top_ + heading_height +
         place(survey_, pixels_per_byte_, bar_height_, [](const surveyed_chunk&, double, double, double) {});
}

void chunk_bars::write(plain_text& out, const slab_layout& layout) const {
  if (survey_.chunks.empty()) return;
  out << svg::words(slab_layout::margin, top_ + 18, "key",
                    "The chunks, by address: paler the less of a slab is used, grey where none is. A chunk "
                    "goes back when no block in it is used.");
  out << "<g class=\"bar\" transform=\"" << svg::translate(slab_layout::margin, top_ + heading_height)
      << "\">\n";
  std::array<std::string_view, size_class_count> colours;
  for (const tile_group& g : layout.groups) colours[g.c] = g.colour;
  const surveyed_slab* next = survey_.slabs.data();
  const surveyed_slab* const end = next + survey_.slabs.size();
  place(survey_, pixels_per_byte_, bar_height_,
        [&](const surveyed_chunk& c, double left, double top, double width) {
          out << svg::rectangle(left, top, less_a_gap(width), bar_height_, "fill=\"#e4e7eb\"");
          for (; next != end && &survey_.chunks[next->chunk] == &c; ++next) {
            const double from = left + static_cast<double>(next->base - c.base) * pixels_per_byte_;
            const double to = from + static_cast<double>(next->bytes) * pixels_per_byte_;
            write_slab(out, *next, colours[next->c], from, std::min(to, left + less_a_gap(width)), top);
          }
          out << "\n";
        });
  out << "</g>\n";
}

void chunk_bars::write_slab(plain_text& out, const surveyed_slab& s, std::string_view colour, double from,
                            double to, double top) const {
  const auto used = static_cast<double>(s.count()[static_cast<std::size_t>(block_state::used)]);
  const double opacity = 0.25 + 0.75 * used / static_cast<double>(s.blocks);
  const double seam = to - from > 3 ? 0.5 : 0;
  out << svg::rectangle(from, top, to - from - seam, bar_height_,
                        "fill=\"" + std::string(colour) + "\" fill-opacity=\"" + svg::number(opacity) + "\"");
}

} // namespace quarry::detail
