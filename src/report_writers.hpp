// The reports of a survey, and what all of them count. Rung 7.
#pragma once

#include <array>
#include <cstddef>
#include <iosfwd>
#include <string_view>

#include "slab_survey.hpp"

namespace quarry::detail {

void write_text(std::ostream& out, std::string_view pool, const slab_survey& survey);
void write_json(std::ostream& out, std::string_view pool, const slab_survey& survey);
void write_svg(std::ostream& out, std::string_view pool, const slab_survey& survey);

// What became of the slabs of one class.
//
//   slab_bytes = block size · Σ blocks + tail_bytes
struct class_life {
  std::size_t slabs = 0;
  std::size_t slab_bytes = 0;
  std::size_t tail_bytes = 0;
  std::array<std::size_t, block_state_count> blocks{};

  std::size_t in(block_state state) const noexcept { return blocks[static_cast<std::size_t>(state)]; }
  void add(const surveyed_slab& s) noexcept;
  void add(const class_life& other) noexcept;
};

std::array<class_life, size_class_count> life_of_classes(const slab_survey& survey) noexcept;

/// The least size that class `c`, one of those with a row, serves.
constexpr std::size_t smallest_request_of(size_class c, const pool_statistics& s) noexcept {
  return block_size_of(c) == s.classes()[0].block_size ? 1 : block_size_of(c - 1) + 1;
}

} // namespace quarry::detail
