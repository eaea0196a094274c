#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <vector>

namespace quarry::test {

using sizes = std::vector<std::size_t>;

// Looks at the address itself: compilers know what alignment memory_resource::allocate promises, and would
// not.
inline bool is_aligned(const void* p, std::size_t alignment) {
  const void* volatile seen = p;
  return reinterpret_cast<std::uintptr_t>(seen) % alignment == 0;
}

// Live blocks of a pool, each filled to its last byte with a value of its own, so that blocks that overlap,
// or that somebody else writes to, are seen.
template <class Pool = std::pmr::memory_resource>
class filled_blocks {
public:
  struct block {
    void* address;
    std::size_t size, alignment;
    unsigned char value;
  };

  explicit filled_blocks(Pool& pool) : pool_(&pool) {}

  const block& add(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    if (blocks_.size() == blocks_.capacity())
      blocks_.reserve(2 * blocks_.size() + 16); // no block is lost after it
    const block b{pool_->allocate(size, alignment), size, alignment,
                  static_cast<unsigned char>(++count_ * 37 + 1)};
    std::memset(b.address, b.value, size);
    blocks_.push_back(b);
    return blocks_.back();
  }

  bool intact(const block& b) const {
    const auto* bytes = static_cast<const unsigned char*>(b.address);
    return b.size == 0 || (bytes[0] == b.value && std::memcmp(bytes, bytes + 1, b.size - 1) == 0);
  }
  bool all_intact() const {
    for (const block& b : blocks_)
      if (!intact(b)) return false;
    return true;
  }
  bool all_aligned() const {
    for (const block& b : blocks_)
      if (!is_aligned(b.address, b.alignment)) return false;
    return true;
  }

  // Frees the blocks whose index is a multiple of `step`, in order.
  void free_every(std::size_t step) {
    std::vector<block> kept;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const block& b = blocks_[i];
      if (i % step == 0)
        pool_->deallocate(b.address, b.size, b.alignment);
      else
        kept.push_back(b);
    }
    blocks_ = std::move(kept);
  }
  void free_all() { free_every(1); }

  // For blocks a release() took back.
  void forget_all() { blocks_.clear(); }

  std::size_t size() const { return blocks_.size(); }
  const std::vector<block>& blocks() const { return blocks_; }

private:
  Pool* pool_;
  std::vector<block> blocks_;
  std::size_t count_ = 0;
};

} // namespace quarry::test
