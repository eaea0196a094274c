// The magazines of a pool that one thread uses at a time. Rung 5, cold; the hot path is the set's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "pool_core.hpp"
#include <quarry/magazine.hpp>

namespace quarry::detail {

// Made late, since a pool of a few requests does without; larger when slots run short, and small again when
// the pool has fallen. The pool points to the set, for its hot path.
//
//   set_ = no_magazines  ⇔  bytes_ = 0;   else the set and its slots are bytes_ of upstream's
class own_magazines {
public:
  own_magazines(pool_core& core, magazine_set*& set) noexcept : core_(core), set_(set) {}
  ~own_magazines() { give_back(remove()); }
  own_magazines(const own_magazines&) = delete;
  own_magazines& operator=(const own_magazines&) = delete;

  magazine_set& set() noexcept { return *set_; }

  /// What is tried before all else. A cold call as any other: then magazines are due.
  void* allocate_in_nursery(std::size_t last) noexcept {
    if (cold_calls_ >= calls_before_magazines) return nullptr;
    void* const block = core_.allocate_in_nursery(last);
    if (block != nullptr) ++cold_calls_;
    return block;
  }

  /// Takes a block of class `c` when the hot path could not. Throws what upstream throws.
  void* allocate(size_class c);
  void deallocate(size_class c, void* block) noexcept;

  /// As large as they come to be, for good: no call upstream for that later. Throws what upstream throws.
  void make_largest();
  void flush(bool gives_up_room = false) noexcept; ///< no chunk goes upstream
  /// There are none any more; their blocks are dead, and the next ones are late again.
  struct set_memory {
    void* begin;
    std::size_t bytes; // or 0
  };
  set_memory remove() noexcept;
  void give_back(set_memory) noexcept;

  std::array<std::size_t, size_class_count> count_blocks() const noexcept;
  std::size_t list_blocks(const void** out, std::size_t room) const noexcept {
    return set_->list_blocks(out, room, 0);
  }
  void check_invariants() const;

private:
  bool is_there() const noexcept { return bytes_ != 0; }
  struct room_search;
  bool has_room(std::size_t more) const noexcept;
  bool has_too_much() const noexcept;
  std::size_t due_bytes() const noexcept;
  void try_to_make(std::size_t bytes) noexcept;
  void make(std::size_t bytes);

  pool_core& core_;
  magazine_set*& set_;
  std::size_t bytes_ = 0;
  std::uint32_t cold_calls_ = 0;
  std::uint8_t calls_without_room_ = 0; // that are still to come, see room_search
  bool stays_large_ = false;
};

} // namespace quarry::detail
