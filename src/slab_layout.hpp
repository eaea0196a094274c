// Where the slabs of a survey are drawn: tiles in groups, a group for each class. Rung 7.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report_writers.hpp"

namespace quarry::detail {

// A slab: its blocks in columns of `rows` cells, so that
// all tiles of a class are of one height.
struct tile {
  const surveyed_slab* slab;
  double left, top; // in the group, below its heading
};

// The slabs of a class, by address.
//
//   rows · cell = side;  rows² ≥ blocks of any slab of the class
struct tile_group {
  size_class c;
  class_life life;
  std::string colour;
  std::vector<tile> tiles;
  std::size_t rows = 1;
  double cell = 0;              // pixels
  double left = 0, top = 0;     // of the heading
  double width = 0, height = 0; // with the heading
};

/// Pixels. Tiles are as large as the number of slabs lets them be.
struct slab_layout {
  static constexpr double page_width = 1280, margin = 32;
  static constexpr double inner_width = page_width - 2 * margin;
  static constexpr double heading_height = 22; // of a group

  double side = 0;                // of the tile of a largest slab
  double gap = 0;                 // between tiles
  std::vector<tile_group> groups; // by block size
  double bottom = 0;              // of the last group
};

slab_layout lay_out_slabs(const slab_survey& survey, double top);

} // namespace quarry::detail
