// The report to look at: a bar of what is held, every slab block by block, and where the slabs lie.
#include <algorithm>
#include <ostream>

#include "plain_text.hpp"
#include "report_svg.hpp"
#include "svg_text.hpp"

namespace quarry::detail {

namespace {

constexpr double margin = slab_layout::margin;
constexpr double inner_width = slab_layout::inner_width;
constexpr double bar_top = 92, bar_height = 22;
constexpr double key_top = bar_top + bar_height + 24;
constexpr double caption_top = key_top + 48;
constexpr double tiles_top = caption_top + 20;

using svg::attribute;
using svg::number;
using svg::rectangle;
using svg::words;

// Totals as a bar that is the key of the states as well

struct share {
  std::string_view name, style;
  std::size_t bytes;
};

std::vector<share> shares_of(const slab_survey& survey) {
  const pool_statistics& s = survey.statistics;
  std::size_t untouched = 0;
  const auto lives = life_of_classes(survey);
  for (size_class c = 0; c < size_class_count; ++c)
    untouched += lives[c].in(block_state::untouched)*block_size_of(c);
  const std::size_t named = s.bytes_in_use + s.bytes_cached + s.bytes_free;
  return {{"oversized", "large", s.oversized_bytes},
          {"used", "u", s.bytes_in_use - s.oversized_bytes},
          {"cached", "c", s.bytes_cached},
          {"free", "f", s.bytes_free - untouched},
          {"untouched", "n", untouched},
          {"the rest", "rest", s.bytes_held - std::min(named, s.bytes_held)}};
}

void write_bar(plain_text& out, const slab_survey& survey) {
  const auto shares = shares_of(survey);
  std::size_t all = 0;
  for (const share& each : shares) all += each.bytes;
  double left = margin, key_left = margin;
  out << "<g fill=\"#3d4f66\">\n";
  for (const share& each : shares) {
    const std::string style = "class=\"" + std::string(each.style) + "\"";
    const double width =
        all == 0 ? 0 : inner_width * static_cast<double>(each.bytes) / static_cast<double>(all);
    out << rectangle(left, bar_top, width, bar_height, style) << "\n";
    left += width;
    out << rectangle(key_left, key_top - 11, 14, 14, style)
        << words(key_left + 20, key_top, "key", std::string(each.name))
        << words(key_left + 20, key_top + 15, "small",
                 plain_text::bytes(each.bytes) + " · " + plain_text::percent(each.bytes, all) + " %");
    key_left += inner_width / static_cast<double>(shares.size());
  }
  out << rectangle(margin, bar_top, inner_width, bar_height, "fill=\"none\" stroke=\"#3d4f66\"")
      << "\n</g>\n";
}

void write_head(plain_text& out, std::string_view pool, const slab_survey& survey, double height) {
  const pool_statistics& s = survey.statistics;
  const std::string size = attribute("width", slab_layout::page_width) + attribute("height", height);
  out << R"(<?xml version="1.0" encoding="UTF-8"?>)"
      << "\n"
      << R"(<svg xmlns="http://www.w3.org/2000/svg")" << size << R"( viewBox="0 0 )"
      << number(slab_layout::page_width) << " " << number(height) << "\">\n"
      << R"(<style>
text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2933; }
.title { font-size: 24px; font-weight: bold; }
.line { font-size: 15px; fill: #52606d; }
.key { font-size: 13px; font-weight: bold; }
.small { font-size: 12px; fill: #52606d; }
.tile path, .bar rect { shape-rendering: crispEdges; }
.c { fill-opacity: .58; } .f { fill-opacity: .28; } .n { fill-opacity: .11; }
.tile .grid { stroke: #fff; fill: none; shape-rendering: auto; }
.large { fill: #0f1c2e; } .rest { fill: #fff; stroke: #9aa5b1; stroke-dasharray: 3 2; }
</style>
)" << rectangle(0, 0, slab_layout::page_width, height, "fill=\"#fff\"")
      << "\n"
      << words(margin, 44, "title", "quarry::" + std::string(pool))
      << words(margin, 72, "line",
               plain_text::bytes(s.bytes_held) + " held in " + plain_text::of(s.chunks) +
                   " chunks, cut into " + plain_text::of(s.slabs) + " slabs · peak " +
                   plain_text::bytes(s.peak_bytes_in_use) + " in use · " +
                   plain_text::of(s.upstream_allocations + s.upstream_deallocations) + " calls upstream");
}

} // namespace

void write_svg(std::ostream& stream, std::string_view pool, const slab_survey& survey) {
  plain_text out(stream);
  const slab_layout layout = lay_out_slabs(survey, tiles_top);
  const chunk_bars bars(survey, layout.bottom + 20);
  write_head(out, pool, survey, bars.bottom() + margin);
  write_bar(out, survey);
  out << words(
      margin, caption_top, "key",
      "The slabs: a tile each, a cell for each block. Colour is the size class, shade the state; % is of "
      "their memory, ends too short for a block included.");
  write_slab_tiles(out, layout);
  bars.write(out, layout);
  out << "</svg>\n";
  out.flush();
}

} // namespace quarry::detail
