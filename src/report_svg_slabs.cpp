// Every slab of a pool, block by block.
#include <algorithm>
#include <array>

#include "report_svg.hpp"
#include "svg_text.hpp"

namespace quarry::detail {

namespace {

// Appends the cells [first, last) of a tile: whole columns as one rectangle.
void append_run(std::string& path, std::size_t first, std::size_t last, std::size_t rows) {
  while (first < last) {
    const std::size_t y = first % rows;
    const std::size_t columns = y == 0 ? std::max<std::size_t>(1, (last - first) / rows) : 1;
    const std::size_t height = std::min(last - first, rows - y);
    path += "M" + plain_text::of(first / rows) + " " + plain_text::of(y) + "v" + plain_text::of(height) +
            "h" + plain_text::of(columns) + "v-" + plain_text::of(height) + "z";
    first += height * columns;
  }
}

void write_blocks(plain_text& out, const surveyed_slab& s, std::size_t rows) {
  std::array<std::string, block_state_count> paths;
  for (std::size_t first = 0; first < s.blocks;) {
    const block_state state = s.state_of(first);
    std::size_t last = first + 1;
    while (last < s.blocks && s.state_of(last) == state) ++last;
    append_run(paths[static_cast<std::size_t>(state)], first, last, rows);
    first = last;
  }
  constexpr std::string_view styles = "ucfn";
  for (std::size_t state = 0; state < block_state_count; ++state)
    if (!paths[state].empty())
      out << "<path class=\"" << styles.substr(state, 1) << "\" d=\"" << paths[state] << "\"/>";
}

// Lines between the blocks.
void write_grid(plain_text& out, const surveyed_slab& s, std::size_t rows) {
  const std::size_t width = (s.blocks + rows - 1) / rows, height = std::min(s.blocks, rows);
  out << "<path class=\"grid\" d=\"";
  for (std::size_t x = 1; x < width; ++x) out << "M" << x << " 0v" << height;
  for (std::size_t y = 1; y < height; ++y) out << "M0 " << y << "h" << width;
  out << "\"/>";
}

void write_title(plain_text& out, const surveyed_slab& s) {
  constexpr std::string_view names[] = {" used", " cached", " free", " untouched"};
  out << "<title>" << plain_text::address(s.base) << ", " << plain_text::bytes(block_size_of(s.c)) << ":";
  const auto counts = s.count();
  for (std::size_t state = 0; state < block_state_count; ++state)
    if (counts[state] != 0) out << " " << counts[state] << names[state];
  out << "</title>";
}

void write_heading(plain_text& out, const tile_group& g) {
  const double in_use = static_cast<double>(g.life.in(block_state::used)*block_size_of(g.c));
  out << svg::rectangle(g.left, g.top, 12, 12, "") << "<text" << svg::attribute("x", g.left + 18)
      << svg::attribute("y", g.top + 11) << "><tspan class=\"key\">" << plain_text::bytes(block_size_of(g.c))
      << R"(</tspan><tspan class="small" dx="7">)" << g.life.slabs
      << (g.life.slabs == 1 ? " slab, " : " slabs, ")
      << plain_text::fixed(100 * in_use / static_cast<double>(g.life.slab_bytes), 0)
      << " % used</tspan></text>\n";
}

void write_group(plain_text& out, const slab_layout& layout, const tile_group& g) {
  const bool has_grid = g.cell >= 4;
  out << "<g fill=\"" << g.colour << "\">";
  write_heading(out, g);
  out << "<g class=\"tile\" transform=\""
      << svg::translate(g.left, g.top + slab_layout::heading_height - layout.gap / 2) << "scale("
      << plain_text::fixed(g.cell, 4) << ")\" stroke-width=\"" << svg::number(1 / g.cell) << "\">\n";
  for (const tile& each : g.tiles) {
    out << "<g transform=\"" << svg::translate(each.left / g.cell, each.top / g.cell) << "\">";
    write_title(out, *each.slab);
    write_blocks(out, *each.slab, g.rows);
    if (has_grid && each.slab->blocks > 1) write_grid(out, *each.slab, g.rows);
    out << "</g>\n";
  }
  out << "</g></g>\n";
}

} // namespace

void write_slab_tiles(plain_text& out, const slab_layout& layout) {
  for (const tile_group& g : layout.groups) write_group(out, layout, g);
}

} // namespace quarry::detail
