// Chunks by address, and by the room that they have. Rung 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include "bits.hpp"
#include "chunk.hpp"
#include "room.hpp"

namespace quarry::detail {

// A treap, see address_tree.hpp, where each chunk knows what kinds of room there are below it. So the best
// chunk, of equals the lowest, is found on one way down, and one that changes has to tell the few above it.
//
//   left->base < base < right->base;   priority(left), priority(right) ≤ priority
//   room = room_of(chunk);   below = bit of room | left->below | right->below
class chunk_tree {
public:
  static std::uint8_t room_of(const chunk& c) noexcept {
    return static_cast<std::uint8_t>(c.empty() ? empty_room_for(c.bytes)
                                               : room_in_use_for(c.longest_bytes()));
  }
  /// A bit for each kind of room there is.
  std::uint64_t rooms() const noexcept { return root_ == nullptr ? 0 : root_->below; }

  /// The lowest chunk that has one of these kinds of room, or null.
  chunk* first(std::uint64_t rooms) const noexcept {
    return has(root_, rooms) ? first_below(root_, rooms) : nullptr;
  }
  /// The lowest one above `c`, or null.
  static chunk* next(const chunk& c, std::uint64_t rooms) noexcept {
    if (has(c.right, rooms)) return first_below(c.right, rooms);
    const chunk* from = &c;
    for (chunk* up = c.parent; up != nullptr; from = up, up = up->parent) {
      if (from != up->left) continue;
      if ((bit_of(*up) & rooms) != 0) return up;
      if (has(up->right, rooms)) return first_below(up->right, rooms);
    }
    return nullptr;
  }
  /// The highest one, or null.
  chunk* last(std::uint64_t rooms) const noexcept {
    if (!has(root_, rooms)) return nullptr;
    for (chunk* c = root_;;) {
      if (has(c->right, rooms))
        c = c->right;
      else if ((bit_of(*c) & rooms) != 0)
        return c;
      else
        c = c->left;
    }
  }

  /// The lowest chunk that ends above `address`, or null.
  chunk* reaching_above(const void* address) const noexcept {
    chunk* best = nullptr;
    for (chunk* c = root_; c != nullptr;) {
      const bool reaches = is_below(address, c->base + c->bytes);
      if (reaches) best = c;
      c = reaches ? c->left : c->right;
    }
    return best;
  }

  void insert(chunk& c) noexcept {
    c.room = room_of(c);
    chunk* parent = nullptr;
    chunk* rest = root_;
    while (rest != nullptr && priority(*rest) >= priority(c)) {
      parent = rest;
      rest = c.base < rest->base ? rest->left : rest->right;
    }
    put_below(parent, c, &c);
    const auto [left, right] = split(rest, c.base);
    adopt(c, left, right);
    tell_above(c);
  }
  /// Expects: the chunk is in the tree.
  void erase(chunk& c) noexcept {
    chunk* const rest = join(c.left, c.right);
    put_below(c.parent, c, rest);
    for (chunk* up = c.parent; up != nullptr; up = up->parent) up->below = sum(*up);
  }
  /// After the free units of a chunk have changed.
  void update(chunk& c) noexcept {
    const std::uint8_t now = room_of(c);
    if (now == c.room) return;
    c.room = now;
    c.below = sum(c);
    tell_above(c);
  }

  /// Calls f(chunk) for each, by ascending address.
  template <class Function>
  void for_each(Function f) const {
    for (const chunk* c = first(all_rooms); c != nullptr; c = next(*c, all_rooms)) f(*c);
  }

  void check_invariants() const {
    const chunk* before = nullptr;
    for_each([&](const chunk& c) {
      if (c.room != room_of(c) || c.below != sum(c))
        throw std::logic_error("quarry: a chunk does not know what room there is");
      if ((before != nullptr && before->base >= c.base) || !knows(c, c.left) || !knows(c, c.right))
        throw std::logic_error("quarry: the tree of chunks is out of order");
      before = &c;
    });
  }

private:
  static std::uint64_t priority(const chunk& c) noexcept {
    return scrambled(reinterpret_cast<std::uintptr_t>(c.base));
  }
  static std::uint64_t bit_of(const chunk& c) noexcept { return std::uint64_t{1} << c.room; }
  static bool has(const chunk* c, std::uint64_t rooms) noexcept {
    return c != nullptr && (c->below & rooms) != 0;
  }
  static std::uint64_t sum(const chunk& c) noexcept {
    return bit_of(c) | (c.left == nullptr ? 0 : c.left->below) | (c.right == nullptr ? 0 : c.right->below);
  }
  static bool knows(const chunk& c, const chunk* child) noexcept {
    return child == nullptr || (child->parent == &c && priority(*child) <= priority(c));
  }

  /// Expects: there is one.
  static chunk* first_below(chunk* c, std::uint64_t rooms) noexcept {
    for (;;) {
      if (has(c->left, rooms))
        c = c->left;
      else if ((bit_of(*c) & rooms) != 0)
        return c;
      else
        c = c->right;
    }
  }

  static void tell_above(const chunk& c) noexcept {
    std::uint64_t below = c.below;
    const chunk* from = &c;
    for (chunk* up = c.parent; up != nullptr; from = up, up = up->parent) {
      const chunk* const sibling = from == up->left ? up->right : up->left;
      below |= bit_of(*up);
      if (sibling != nullptr) below |= sibling->below;
      if (below == up->below) return;
      up->below = below;
    }
  }
  /// Where `c` belongs below `parent`.
  void put_below(chunk* parent, const chunk& c, chunk* child) noexcept {
    (parent == nullptr ? root_ : c.base < parent->base ? parent->left : parent->right) = child;
    if (child != nullptr) child->parent = parent;
  }
  static chunk* adopt(chunk& c, chunk* left, chunk* right) noexcept {
    c.left = left;
    c.right = right;
    if (left != nullptr) left->parent = &c;
    if (right != nullptr) right->parent = &c;
    c.below = sum(c);
    return &c;
  }
  /// What lies below `base`, and what above.
  static std::pair<chunk*, chunk*> split(chunk* c, const std::byte* base) noexcept {
    if (c == nullptr) return {};
    if (c->base < base) {
      const auto [left, right] = split(c->right, base);
      return {adopt(*c, c->left, left), right};
    }
    const auto [left, right] = split(c->left, base);
    return {left, adopt(*c, right, c->right)};
  }
  static chunk* join(chunk* left, chunk* right) noexcept {
    if (left == nullptr || right == nullptr) return left == nullptr ? right : left;
    if (priority(*left) >= priority(*right)) return adopt(*left, left->left, join(left->right, right));
    return adopt(*right, join(left, right->left), right->right);
  }

  chunk* root_ = nullptr;
};

} // namespace quarry::detail
