// A model of what a pool with another class table would hold: blocks, and half a slab for each class that is
// in use, a slab being an eighth of its class as in the library. Memory that the pool keeps is not in it.
#pragma once

#include "program.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quarry_replay {

class class_model {
public:
  /// Requests above `largest_block` are not pooled.
  class_model(const program&, std::size_t largest_block);

  /// Bytes held at most, with these block sizes added to the table.
  std::size_t peak_with(const std::vector<std::size_t>& rows) const { return play(rows).peak; }

  /// The rows that would save most at the moment of the peak, so far as rounding goes; the best first.
  std::vector<std::size_t> candidates(const std::vector<std::size_t>& rows, std::size_t count) const;

private:
  // Requests of one size, rounded up to their alignment, and one alignment.
  struct kind {
    std::size_t bytes, alignment;
  };
  struct played {
    std::size_t peak = 0;
    std::vector<std::size_t> live_at_peak; // by kind
  };

  bool fits(const kind& k, std::size_t block) const { return k.bytes <= block && block % k.alignment == 0; }
  std::size_t block_for(const kind& k, const std::vector<std::size_t>& rows) const;
  played play(const std::vector<std::size_t>& rows) const;
  std::vector<std::size_t> live_after(std::size_t event) const;

  std::size_t largest_block_;
  std::vector<kind> kinds_;
  std::vector<std::uint32_t> kind_of_; // by event
  std::vector<bool> allocates_;        // by event
};

} // namespace quarry_replay
