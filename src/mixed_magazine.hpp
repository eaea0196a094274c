// A magazine for blocks of all classes: what a pool has before it has more. Rung 3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quarry/size_class.hpp>

namespace quarry::detail {

// A few free blocks, so that a pool of a few requests neither looks for a slab each time nor spends memory
// on magazines. As far as the slabs know they are used.
//
//   blocks_[0, count_) are of classes_[0, count_);   no block is in it twice
/// Not synchronized: its owner locks.
class mixed_magazine {
public:
  static constexpr std::size_t most = 16;
  static constexpr std::size_t largest_block = 512; // bytes

  static bool takes(size_class c) noexcept { return block_sizes[c] <= largest_block; }

  std::size_t count() const noexcept { return count_; }
  std::size_t room() const noexcept { return most - count_; }

  bool holds(const void* block) const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
      if (blocks_[i] == block) return true;
    return false;
  }

  /// A block of class `c`, the newest if there are several, or null.
  void* pop(size_class c) noexcept {
    for (std::size_t i = count_; i-- != 0;)
      if (classes_[i] == c) return take(i);
    return nullptr;
  }

  /// Expects room.
  void push(size_class c, void* block) noexcept {
    blocks_[count_] = block;
    classes_[count_] = static_cast<std::uint8_t>(c);
    ++count_;
  }

  void forget_all() noexcept { count_ = 0; }

  /// Calls f(block, class) for each.
  template <class Function>
  void for_each(Function f) const {
    for (std::size_t i = 0; i < count_; ++i) f(blocks_[i], size_class{classes_[i]});
  }

private:
  void* take(std::size_t i) noexcept {
    void* const block = blocks_[i];
    --count_;
    for (; i < count_; ++i) { // the order of age stays
      blocks_[i] = blocks_[i + 1];
      classes_[i] = classes_[i + 1];
    }
    return block;
  }

  std::array<void*, most> blocks_;
  std::array<std::uint8_t, most> classes_;
  std::uint8_t count_ = 0;
};

} // namespace quarry::detail
