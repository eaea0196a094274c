// Blocks of whatever class in one small piece of memory: all that a pool of a few requests needs. Rung 3.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "relaxed.hpp"
#include <quarry/size_class.hpp>

namespace quarry::detail {

// A block is a run of units. It has the alignment of its class, not only the one asked for: once it is freed
// into a magazine, it serves as any other block of the class.
//
//   bit u of starts_ is set  ⇔  a block in use starts at unit u; its class is classes_[u]
//   blocks in use are disjoint, and end at top_ or before
//   classes_[u] is no_class  ⇔  no block has started at unit u, ever
//   limit_ = largest_ while it is open and has memory, else 0
//   closed, with memory, nothing used  ⇒  idle_
/// Not synchronized, but for limit(), spans(), is_idle() and memory(): its owner locks, and obtains its
/// memory.
class nursery {
public:
  static constexpr std::size_t bytes = 1024, alignment = 16; // what is asked of upstream
  static constexpr std::size_t units = 64, unit_bytes = bytes / units;
  static constexpr std::size_t largest_block = 512;
  static constexpr std::size_t most_blocks = // that there can ever be: of each class at each unit
      units * (size_class_of(largest_block, 1) + 1);

  /// One for blocks up to `largest` bytes; of 0 it is closed for ever.
  explicit nursery(std::size_t largest) noexcept
      : largest_(static_cast<std::uint16_t>(std::min(largest, largest_block))) {
    reopen();
  }

  /// Requests that end below this offset may get a block now.
  std::size_t limit() const noexcept { return limit_; }

  /// A block above all others, or null. Expects a class within the limit.
  void* allocate_above(size_class c) noexcept {
    const std::size_t block = block_sizes[c];
    const std::size_t align = std::max(block & (~block + 1), unit_bytes);
    const std::uintptr_t above = (top_ + align - 1) & ~(align - 1);
    std::byte* const base = memory_;
    if (above + block > address_of(base) + bytes) [[unlikely]]
      return nullptr;
    top_ = above + block;
    return start(c, base, above - address_of(base));
  }
  /// The same, else the lowest that fits a hole, or null; also when it is closed, or does not serve such a
  /// class.
  void* allocate(size_class c) noexcept;

  /// False when no block of class `c` that is in use starts there; then nothing has changed.
  bool deallocate(size_class c, const void* block) noexcept {
    const std::size_t first = unit_of(block);
    if (!starts_at(first) || classes_[first] != c) return false;
    starts_ &= ~(std::uint64_t{1} << first);
    if (starts_ == 0) become_empty();
    return true;
  }

  /// Whether `address`, which may be any, lies in its memory.
  bool spans(const void* address) const noexcept { return offset_of(address) < bytes && memory() != nullptr; }
  /// The class of the block in use that starts at `address`, or size_class_count.
  size_class class_at(const void* address) const noexcept {
    const std::size_t unit = unit_of(address);
    return starts_at(unit) ? classes_[unit] : size_class_count;
  }
  /// Whether a block started at `address` that is free now.
  bool has_freed(const void* address) const noexcept;

  const std::byte* memory() const noexcept { return memory_; } ///< or null
  /// Whether, with memory, it would serve class `c`.
  bool wants_memory(size_class c) const noexcept {
    return memory() == nullptr && !closed_ && block_sizes[c] <= largest_;
  }
  void add(void* memory) noexcept; ///< expects that it wants some
  /// Its memory, for upstream; what is in use is dead.
  void* remove() noexcept;
  /// The same, but null when a block is in use.
  void* remove_if_empty() noexcept;

  /// It serves whom nobody else can serve; without a block in use its memory is needed no more.
  void close() noexcept;
  void reopen() noexcept { closed_ = largest_ == 0; } ///< expects no memory
  /// Whether it may have memory that is needed no more.
  bool is_idle() const noexcept { return idle_; }

  /// Calls f(address, class, bytes of its units) for each block in use.
  template <class Function>
  void for_each(Function f) const {
    for (std::uint64_t left = starts_; left != 0; left &= left - 1) {
      const auto first = static_cast<unsigned>(std::countr_zero(left));
      const size_class c = classes_[first];
      f(memory() + first * unit_bytes, c, units_of(c) * unit_bytes);
    }
  }
  void check_invariants() const;

private:
  static constexpr std::uint8_t no_class = 0xff;

  static constexpr std::size_t units_of(size_class c) noexcept {
    return (block_sizes[c] + unit_bytes - 1) / unit_bytes;
  }
  std::uint64_t run(const std::byte* block, size_class c) const noexcept { // its units
    return (~std::uint64_t{0} >> (units - units_of(c))) << offset_of(block) / unit_bytes;
  }
  static std::uintptr_t address_of(const void* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }
  std::size_t offset_of(const void* address) const noexcept {
    return address_of(address) - address_of(memory());
  }
  /// The unit that begins at `address`; huge where none does, since then bits come in at the top.
  std::size_t unit_of(const void* address) const noexcept {
    return std::rotr(offset_of(address), std::countr_zero(unit_bytes));
  }
  bool starts_at(std::size_t unit) const noexcept { return unit < units && (starts_ >> unit & 1) != 0; }

  void* start(size_class c, std::byte* base, std::size_t offset) noexcept {
    starts_ |= std::uint64_t{1} << offset / unit_bytes;
    classes_[offset / unit_bytes] = static_cast<std::uint8_t>(c);
    std::byte* const block = base + offset;
    if (block == nullptr) __builtin_unreachable(); // so that callers test once
    return block;
  }
  void become_empty() noexcept {
    top_ = address_of(memory());
    idle_ = bool{closed_};
  }
  std::uint64_t used_units() const noexcept;
  std::uint64_t aligned_units(std::size_t align) const noexcept;

  relaxed<std::byte*> memory_;
  relaxed<std::uint16_t> limit_;
  relaxed<bool> closed_;
  relaxed<bool> idle_;
  const std::uint16_t largest_;
  std::uintptr_t top_ = bytes; // where there is no memory: its end
  std::uint64_t starts_ = 0;
  std::array<std::uint8_t, units> classes_; // untouched without memory
};

} // namespace quarry::detail
