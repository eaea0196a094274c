// Slabs in no order, linked through two pointers of each. Rung 1.
#pragma once

#include "slab.hpp"

namespace quarry::detail {

// right = the next one, left = the one before;   left of the first and right of the last are null
class slab_list {
public:
  slab* first() const noexcept { return first_; }

  void push(slab& s) noexcept {
    s.left = nullptr;
    s.right = first_;
    if (first_ != nullptr) first_->left = &s;
    first_ = &s;
  }
  /// Expects: the slab is in the list.
  void remove(slab& s) noexcept {
    (s.left == nullptr ? first_ : s.left->right) = s.right;
    if (s.right != nullptr) s.right->left = s.left;
  }

private:
  slab* first_ = nullptr;
};

} // namespace quarry::detail
