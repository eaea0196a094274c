#include "nursery_piece.hpp"

#include <stdexcept>

namespace quarry::detail {

bool nursery_piece::covers(std::size_t unit) const noexcept {
  bool covered = false;
  for_each([&](const std::byte* block, size_class, std::size_t bytes) {
    covered = covered || unit - unit_of(block) < bytes / unit_bytes;
  });
  return covered;
}

void nursery_piece::check_invariants() const {
  std::size_t sum = 0;
  const std::byte* above = first();
  for_each([&](const std::byte* block, size_class c, std::size_t bytes) {
    if (c >= size_class_count || address_of(block) % natural_alignment_of(c) != 0)
      throw std::logic_error("quarry: a block in a nursery is not as its class has them");
    if (block < above) throw std::logic_error("quarry: blocks in a nursery overlap");
    above = block + bytes;
    sum += bytes / unit_bytes;
  });
  if (is_there() && above > end())
    throw std::logic_error("quarry: a block in a nursery ends beyond its memory");
  if (sum != used_) throw std::logic_error("quarry: a nursery does not know how much of it is used");
}

} // namespace quarry::detail
