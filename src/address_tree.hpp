// A set of items ordered by address, linked through two pointers of each. Rung 0.
#pragma once

#include <cstdint>

#include "bits.hpp"

namespace quarry::detail {

// A treap: a search tree by `base`, a heap by a hash of it, so that its expected depth is logarithmic without
// any memory for balance. After Seidel and Aragon, "Randomized Search Trees" (1996).
//
//   left->base < base < right->base;   priority(left), priority(right) ≤ priority
/// Item has `base` (a pointer), `left` and `right`.
template <class Item>
class address_tree {
public:
  bool empty() const noexcept { return root_ == nullptr; }

  /// The item of the lowest address, or null.
  Item* lowest() const noexcept {
    Item* item = root_;
    while (item != nullptr && item->left != nullptr) item = item->left;
    return item;
  }

  /// The item of the highest address, or null.
  Item* highest() const noexcept {
    Item* item = root_;
    while (item != nullptr && item->right != nullptr) item = item->right;
    return item;
  }

  /// The item of the highest address that is at most `address`, or null.
  Item* at_or_below(const void* address) const noexcept {
    Item* best = nullptr;
    for (Item* item = root_; item != nullptr;) {
      const void* const base = item->base;
      const bool candidate = !is_below(address, base);
      if (candidate) best = item;
      item = candidate ? item->right : item->left;
    }
    return best;
  }

  /// The item of the lowest address above `address`, or null.
  Item* above(const void* address) const noexcept {
    Item* best = nullptr;
    for (Item* item = root_; item != nullptr;) {
      const void* const base = item->base;
      const bool candidate = is_below(address, base);
      if (candidate) best = item;
      item = candidate ? item->left : item->right;
    }
    return best;
  }

  void insert(Item& item) noexcept {
    Item** link = &root_;
    while (*link != nullptr && priority(**link) >= priority(item)) link = child(**link, item);
    Item* rest = *link;
    *link = &item;
    Item** below = &item.left; // the rest is split into what is below the item and what is above
    Item** above = &item.right;
    while (rest != nullptr) {
      if (rest->base < item.base) {
        *below = rest;
        below = &rest->right;
        rest = rest->right;
      } else {
        *above = rest;
        above = &rest->left;
        rest = rest->left;
      }
    }
    *below = *above = nullptr;
  }

  /// Expects: the item is in the tree.
  void erase(Item& item) noexcept {
    Item** link = &root_;
    while (*link != &item) link = child(**link, item);
    Item* left = item.left;
    Item* right = item.right;
    while (left != nullptr && right != nullptr) {
      if (priority(*left) >= priority(*right)) {
        *link = left;
        link = &left->right;
        left = left->right;
      } else {
        *link = right;
        link = &right->left;
        right = right->left;
      }
    }
    *link = left != nullptr ? left : right;
  }

  /// The item of the lowest address for which f(item) is true, or null.
  template <class Function>
  Item* find(Function f) const {
    return search(root_, f);
  }

  /// Calls f(item) for each, parents first.
  template <class Function>
  void for_each(Function f) const {
    visit(root_, f);
  }

private:
  static std::uint64_t priority(const Item& item) noexcept {
    const void* const address = item.base;
    return scrambled(reinterpret_cast<std::uintptr_t>(address));
  }
  static Item** child(Item& parent, const Item& item) noexcept {
    return item.base < parent.base ? &parent.left : &parent.right;
  }
  template <class Function>
  static Item* search(Item* item, Function& f) {
    for (; item != nullptr; item = item->right) {
      if (Item* const before = search(item->left, f)) return before;
      if (f(*item)) return item;
    }
    return nullptr;
  }
  template <class Function>
  static void visit(Item* item, Function& f) {
    for (; item != nullptr; item = item->right) {
      f(*item);
      visit(item->left, f);
    }
  }

  Item* root_ = nullptr;
};

} // namespace quarry::detail
