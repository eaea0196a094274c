// Live blocks of random sizes, any of which can be replaced by a fresh one. Every block is written when it is
// allocated and read when it is freed, as a program's would be.
#pragma once

#include "../random.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace quarry_bench {

// Sizes are multiples of the alignment, as those of objects are.
struct size_range {
  std::size_t smallest, largest, alignment;
  std::size_t pick(random_numbers& random) const {
    return random.between(smallest / alignment, largest / alignment) * alignment;
  }
};

inline constexpr size_range churn_sizes{8, 512, 8};

template <class Source>
class churn {
public:
  churn(const Source& from, std::size_t live, size_range sizes, std::uint64_t seed = 1)
      : from_(from), sizes_(sizes), random_(seed), blocks_(live) {
    for (block& b : blocks_) b = allocate();
    replace(live); // so that the timed part meets a heap that has been in use
  }
  churn(const churn&) = delete;
  churn& operator=(const churn&) = delete;

  ~churn() {
    for (const block& b : blocks_) from_.deallocate(b.bytes, b.size, sizes_.alignment);
  }

  void replace(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      block& b = blocks_[random_.below(blocks_.size())];
      deallocate(b);
      b = allocate();
    }
  }

private:
  struct block {
    std::size_t* bytes;
    std::size_t size;
  };

  block allocate() {
    const std::size_t size = sizes_.pick(random_);
    auto* const bytes = static_cast<std::size_t*>(from_.allocate(size, sizes_.alignment));
    *bytes = size;
    return {bytes, size};
  }

  void deallocate(const block& b) {
    if (*b.bytes != b.size) throw std::logic_error("a live block was written by someone else");
    from_.deallocate(b.bytes, b.size, sizes_.alignment);
  }

  Source from_;
  size_range sizes_;
  random_numbers random_;
  std::vector<block> blocks_;
};

} // namespace quarry_bench
