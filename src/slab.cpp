#include "slab.hpp"

#include <stdexcept>

namespace quarry::detail {

void slab::check_invariants() const {
  std::size_t set = 0;
  for (std::size_t word = 0; word < free.size(); ++word) {
    if ((free[word] & ~low_bits(blocks, word)) != 0)
      throw std::logic_error("quarry: a slab has free blocks past its end");
    set += static_cast<std::size_t>(std::popcount(free[word]));
  }
  if (set != free_count) throw std::logic_error("quarry: a slab's free blocks are miscounted");
  for (std::size_t i = touched; i < blocks; ++i)
    if (!is_free(i)) throw std::logic_error("quarry: a block in use was never handed out");
}

} // namespace quarry::detail
