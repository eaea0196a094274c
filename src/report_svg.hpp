// The parts of the picture. Rung 7.
#pragma once

#include "plain_text.hpp"
#include "slab_layout.hpp"

namespace quarry::detail {

/// A tile for each slab, block by block.
void write_slab_tiles(plain_text& out, const slab_layout& layout);

// A bar for each chunk, in order of address. Chunks of all sizes have one scale.
class chunk_bars {
public:
  chunk_bars(const slab_survey& survey, double top);

  double bottom() const noexcept;
  void write(plain_text& out, const slab_layout& layout) const;

private:
  void write_slab(plain_text& out, const surveyed_slab& s, std::string_view colour, double from, double to,
                  double top) const;

  const slab_survey& survey_;
  const double top_;
  double pixels_per_byte_;
  double bar_height_;
};

} // namespace quarry::detail
