#include "slab_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "svg_palette.hpp"

namespace quarry::detail {

namespace {

constexpr double group_gap = 16;
constexpr double least_group_width = 188;         // so that headings have room
constexpr double least_side = 16, most_side = 88; // at least 16 x 16 pixels for 256 blocks

std::vector<tile_group> groups_of(const slab_survey& survey) {
  const auto lives = life_of_classes(survey);
  std::vector<tile_group> groups;
  std::array<std::size_t, size_class_count> place{};
  for (size_class c = 0; c < size_class_count; ++c) {
    if (lives[c].slabs == 0) continue;
    place[c] = groups.size();
    groups.push_back({.c = c, .life = lives[c], .colour = {}, .tiles = {}});
  }
  for (const surveyed_slab& s : survey.slabs) groups[place[s.c]].tiles.push_back({&s, 0, 0});
  return groups;
}

std::size_t most_blocks(const tile_group& g) {
  std::size_t most = 1;
  for (const tile& each : g.tiles) most = std::max(most, each.slab->blocks);
  return most;
}

// So that the tiles cover about a screen, as long as each block has a pixel.
double side_for(std::size_t slabs) {
  constexpr double screen = 700'000;
  const double side = std::sqrt(screen / static_cast<double>(std::max<std::size_t>(slabs, 1))) / 1.15;
  return std::floor(std::clamp(side, least_side, most_side));
}

// Tiles follow each other as words do, and so do groups.
void place_tiles(tile_group& g, double side, double space) {
  const std::size_t most = most_blocks(g);
  while (g.rows * g.rows < most) ++g.rows;
  g.cell = side / static_cast<double>(g.rows);
  double left = 0, top = 0;
  for (tile& each : g.tiles) {
    const std::size_t columns = (each.slab->blocks + g.rows - 1) / g.rows;
    const double width = g.cell * static_cast<double>(columns);
    if (left + width > slab_layout::inner_width) {
      left = 0;
      top += side + space;
    }
    each.left = left;
    each.top = top;
    left += width + space;
    g.width = std::max(g.width, left - space);
  }
  g.width = std::max(g.width, least_group_width);
  g.height = slab_layout::heading_height + top + side;
}

double place_groups(std::vector<tile_group>& groups, double top) {
  double left = 0, row_height = 0;
  for (tile_group& g : groups) {
    if (left != 0 && left + g.width > slab_layout::inner_width) {
      top += row_height + group_gap;
      left = row_height = 0;
    }
    g.left = slab_layout::margin + left;
    g.top = top;
    left += g.width + group_gap;
    row_height = std::max(row_height, g.height);
  }
  return top + row_height;
}

} // namespace

slab_layout lay_out_slabs(const slab_survey& survey, double top) {
  slab_layout layout;
  layout.side = side_for(survey.slabs.size());
  layout.gap = std::max(3.0, std::floor(layout.side / 10));
  layout.groups = groups_of(survey);
  for (std::size_t i = 0; i < layout.groups.size(); ++i) {
    layout.groups[i].colour = palette_colour(i, layout.groups.size());
    place_tiles(layout.groups[i], layout.side, layout.gap);
  }
  layout.bottom = place_groups(layout.groups, top);
  return layout;
}

} // namespace quarry::detail
