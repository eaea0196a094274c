// A piece of memory with blocks of whatever class, as its head lists them. Rung 1.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "relaxed.hpp"
#include <quarry/size_class.hpp>

namespace quarry::detail {

// A block is a run of units. The head, which lies below them, has a byte for each: its state.
//
//   first = memory + head_bytes, or null where there is none;   bytes = head_bytes + units · unit_bytes
//   state of u = in_use + c  ⇔  a block of class c that is in use starts at unit u
//   state of u = c           ⇔  none does, and the last that did was of class c
//   state of u = no_class    ⇔  none ever did
//   blocks in use are disjoint, and used = Σ their units
//   starts_left = what add() was given − Σ units ever allotted
/// Not synchronized, but for spans().
class nursery_piece {
public:
  static constexpr std::size_t unit_bytes = 16;
  static constexpr std::size_t units_of(size_class c) noexcept {
    return (block_sizes[c] + unit_bytes - 1) / unit_bytes;
  }

  /// One of so many units, without memory.
  explicit nursery_piece(std::size_t units) noexcept : units_(static_cast<std::uint16_t>(units)) {}

  bool is_there() const noexcept { return first() != nullptr; } ///< has memory
  std::byte* memory() const noexcept { return first() - head_bytes(); }
  std::size_t bytes() const noexcept { return head_bytes() + units_ * unit_bytes; } ///< of its memory
  /// From here on blocks may start.
  std::byte* first() const noexcept { return first_; }
  std::byte* end() const noexcept { return first() + units_ * unit_bytes; }
  std::size_t used() const noexcept { return used_; }                       ///< units
  std::size_t free() const noexcept { return units_ - std::size_t{used_}; } ///< units
  std::size_t units() const noexcept { return units_; }
  /// Whether two of them and a hole fit, however they are aligned.
  bool suits(size_class c) const noexcept { return 2 * units_of(c) <= units_; }
  /// Whether one more block may be started.
  bool may_start() const noexcept { return starts_left_ != 0; }
  /// Up to here blocks may be started that lie at `from` or above it, one for each unit; at most up to `to`.
  const std::byte* allot(const std::byte* from, const std::byte* to) noexcept {
    const std::size_t units = static_cast<std::size_t>(to - from) / unit_bytes;
    const std::uint32_t allotted = std::min(starts_left_, static_cast<std::uint32_t>(units));
    starts_left_ -= allotted;
    return from + allotted * unit_bytes;
  }

  /// In `memory`, which is aligned to a unit, up to `starts` blocks may ever be started.
  void add(void* memory, std::size_t starts) noexcept {
    std::memset(memory, static_cast<int>(no_class), head_bytes());
    first_ = static_cast<std::byte*>(memory) + head_bytes();
    starts_left_ = static_cast<std::uint32_t>(starts);
  }
  /// It has none any more; what is in use is dead.
  void remove() noexcept {
    first_ = nullptr;
    used_ = 0;
  }

  /// Returns the block that starts at an address from now on. Expects that it was allotted, with
  /// nothing in use there.
  std::byte* start(size_class c, std::uintptr_t address) noexcept {
    std::byte* const base = first();
    const std::size_t offset = address - address_of(base);
    states_of(base)[offset / unit_bytes] = in_use_of(c);
    used_ = static_cast<std::uint16_t>(used_ + units_of(c));
    return base + offset;
  }
  /// False when no block of class `c` that is in use starts there; then nothing has changed.
  bool finish(size_class c, const void* block) noexcept {
    std::byte* const base = first();
    const std::size_t unit = unit_of(block);
    if (unit >= units_ || base == nullptr || states_of(base)[unit] != in_use_of(c)) return false;
    states_of(base)[unit] = static_cast<std::byte>(c);
    used_ = static_cast<std::uint16_t>(used_ - units_of(c));
    return true;
  }

  /// Whether `address`, which may be any, lies where blocks do.
  bool spans(const void* address) const noexcept {
    const std::byte* const base = first();
    return address_of(address) - address_of(base) < units_ * unit_bytes && base != nullptr;
  }
  /// The class of the block in use that starts at `address`, which it spans, or size_class_count.
  size_class class_at(const void* address) const noexcept {
    const std::size_t unit = unit_of(address);
    return starts_at(unit) ? class_of(unit) : size_class_count;
  }
  /// Whether a block started at `address`, which it spans, that is free now.
  bool has_freed(const void* address) const noexcept {
    const std::size_t unit = unit_of(address);
    return unit < units_ && state_of(unit) != no_class && !covers(unit);
  }

  /// The end of the blocks in use that lie at `from` and behind it without a gap; `from` itself if none does.
  const std::byte* end_of_used(std::uintptr_t from) const noexcept {
    std::size_t unit = (from - address_of(first())) / unit_bytes;
    while (starts_at(unit)) unit += units_of(class_of(unit));
    return first() + unit * unit_bytes;
  }
  /// Where the first block in use starts at `from` or above it, or the end.
  const std::byte* next_used(const std::byte* from) const noexcept {
    std::size_t unit = unit_of(from);
    while (unit < units_ && !starts_at(unit)) ++unit;
    return first() + unit * unit_bytes;
  }

  /// Calls f(address, class, bytes of its units) for each block in use.
  template <class Function>
  void for_each(Function f) const {
    if (!is_there()) return;
    for (const std::byte* p = next_used(first()); p != end(); p = next_used(p)) {
      const size_class c = class_at(p);
      const std::size_t bytes = units_of(c) * unit_bytes;
      f(p, c, bytes);
      p += bytes;
    }
  }
  void check_invariants() const;

private:
  static constexpr unsigned no_class = 0x7f, in_use = 0x80;
  static_assert(size_class_count < no_class);

  static std::byte in_use_of(size_class c) noexcept { return static_cast<std::byte>(in_use + c); }
  static std::uintptr_t address_of(const void* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }
  std::size_t head_bytes() const noexcept { return (units_ + unit_bytes - 1) / unit_bytes * unit_bytes; }
  std::byte* states_of(std::byte* first) const noexcept { return first - units_; }
  unsigned state_of(std::size_t unit) const noexcept {
    return std::to_integer<unsigned>(states_of(first())[unit]);
  }
  bool starts_at(std::size_t unit) const noexcept { return unit < units_ && state_of(unit) >= in_use; }
  size_class class_of(std::size_t unit) const noexcept { return state_of(unit) & ~in_use; }
  /// The unit that begins at `address`; huge where none does, since then bits come in at the top.
  std::size_t unit_of(const void* address) const noexcept {
    return std::rotr(address_of(address) - address_of(first()), std::countr_zero(unit_bytes));
  }
  bool covers(std::size_t unit) const noexcept;

  relaxed<std::byte*> first_;
  const std::uint16_t units_;
  std::uint16_t used_ = 0;
  std::uint32_t starts_left_ = 0;
};

} // namespace quarry::detail
