// Which options and size classes would make a pool waste least for a program.
#pragma once

#include "program.hpp"

#include <functional>
#include <memory_resource>
#include <vector>

namespace quarry_replay {

/// What a pool with some options holds at most, and how often it goes upstream.
struct holding {
  std::size_t peak = 0, upstream_calls = 0;
};

/// A class to add to the table of block sizes, and what it saves once those before it in the list are there.
struct row_advice {
  std::size_t block_size;
  std::size_t below, above; ///< its neighbours in the table as it is
  std::size_t saved;        ///< bytes, of what is held at most
};

/// What replaying came to: medians of rounds in turn.
struct replayed_pool {
  double ns = 0; ///< per operation
  holding held;
};

struct advice {
  std::pmr::pool_options defaults, options; ///< as in force; the same when nothing is worth setting
  holding by_default, with_block_limit,
      with_options;              ///< simulated: none set, largest_required_pool_block, both
  std::size_t modelled_peak = 0; ///< what rows save is part of
  std::vector<row_advice> rows;
  replayed_pool replayed_by_default, replayed_as_advised;
};

std::size_t steps_to_advise(std::size_t rounds);

/// Calls `step` after each step.
advice advise(const program&, std::size_t rounds, const std::function<void()>& step);

} // namespace quarry_replay
