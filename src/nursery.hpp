// Blocks of whatever class, one after the other, in a few pieces of memory: all that a small pool needs.
// Rung 3.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "nursery_piece.hpp"
#include "relaxed.hpp"
#include <quarry/size_class.hpp>

namespace quarry::detail {

// Each piece has twice the units of the one before, and is asked for when there is no room in those that are
// there. Blocks are cut from the window, a hole in one of them; when it is used up the next hole follows, up
// to the end of the piece. Then one is gone through anew of which much is free. So what is freed serves
// again after a few steps for each block, in whatever order it was (as where a collector sweeps lazily).
//
// A block has the alignment of its class, not only the one asked for: once it is freed into a magazine, it
// serves as any other block of the class.
//
//   no block in use lies in [top_, end_), which lies in the piece current_ or is empty
//   next_ = 1 + the last piece that is there, or 0
//   limit_ = largest_ while it is open and has memory, else 0
//   closed, a piece that is there, nothing used of it  ⇒  idle_
/// Not synchronized, but for limit(), spans(), wanted_bytes(), is_closed() and is_idle(): its owner locks,
/// and obtains its memory.
class nursery {
public:
  static constexpr std::size_t most_pieces = 7, first_units = 60, alignment = 16; // with its head 1 KiB
  static constexpr std::size_t largest_block = 2048;

  /// One for blocks up to `largest` bytes, with no piece in which more than `most_blocks` are ever started,
  /// or fit.
  nursery(std::size_t largest, std::size_t most_blocks) noexcept
      : most_blocks_(static_cast<std::uint32_t>(std::min<std::size_t>(most_blocks, UINT32_MAX))),
        largest_(static_cast<std::uint16_t>(may_have(0) ? std::min(largest, largest_block) : 0)) {}
  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;

  bool has_memory() const noexcept { return next_ != 0; }
  /// Requests that end below this offset may get a block now.
  std::size_t limit() const noexcept { return limit_; }

  /// A block in the window, or null. Expects a class within the limit.
  void* allocate_in_window(size_class c) noexcept {
    const std::size_t block = block_sizes[c];
    const std::size_t align = std::max(block & (~block + 1), nursery_piece::unit_bytes);
    const std::uintptr_t first = (top_ + align - 1) & ~(align - 1);
    const std::uintptr_t above = first + nursery_piece::units_of(c) * nursery_piece::unit_bytes;
    if (above > end_) [[unlikely]]
      return nullptr;
    top_ = above;
    return start(c, first);
  }
  /// The same, else in the next hole that fits, also when it is closed. Null when there is none, or it does
  /// not serve such a class.
  void* allocate(size_class c) noexcept;

  /// Null only when it has no hole at all for a class that it serves.
  void* allocate_in_any_hole(size_class c) noexcept;

  /// False when no block of class `c` that is in use starts there; then nothing has changed.
  bool deallocate(size_class c, const void* block) noexcept {
    const std::size_t i = piece_of(block);
    return i != most_pieces && finish(pieces_[i], c, block);
  }
  /// The same where the window is, in few steps.
  bool deallocate_near_window(size_class c, const void* block) noexcept {
    return finish(*current_, c, block);
  }

  /// Whether `address`, which may be any, lies where its blocks do.
  bool spans(const void* address) const noexcept { return piece_of(address) != most_pieces; }
  /// The class of the block in use that starts at `address`, or size_class_count.
  size_class class_at(const void* address) const noexcept {
    const std::size_t i = piece_of(address);
    return i == most_pieces ? size_class_count : pieces_[i].class_at(address);
  }
  /// Whether a block started at `address` that is free now.
  bool has_freed(const void* address) const noexcept {
    const std::size_t i = piece_of(address);
    return i != most_pieces && pieces_[i].has_freed(address);
  }

  /// How many bytes it should get when what it has does not serve class `c`, or 0.
  std::size_t wanted_bytes(size_class c) const noexcept;
  void add(void* memory, std::size_t bytes) noexcept; ///< expects that it wants so many

  struct pieces_of_memory {
    struct {
      void* begin;
      std::size_t bytes;
    } pieces[most_pieces];
    std::size_t count = 0;
  };
  /// Its memory, for upstream; what is in use is dead.
  pieces_of_memory remove() noexcept;
  /// The pieces in which no block is in use, but for `keep_bytes` of them.
  pieces_of_memory remove_empty(std::size_t keep_bytes) noexcept;

  /// It wants no more memory, and needs none any more of which nothing is in use.
  void close() noexcept;
  bool is_closed() const noexcept { return closed_; }
  /// Whether it may have memory that is needed no more.
  bool is_idle() const noexcept { return idle_; }

  /// Calls f(address, class, bytes of its units) for each block in use.
  template <class Function>
  void for_each(Function f) const {
    for (const nursery_piece& p : pieces_) p.for_each(f);
  }
  /// Calls f(address, bytes) for each piece.
  template <class Function>
  void for_each_piece(Function f) const {
    for (const nursery_piece& p : pieces_)
      if (p.is_there()) f(p.memory(), p.bytes());
  }
  void check_invariants() const;

private:
  template <std::size_t... I>
  static std::array<nursery_piece, most_pieces> make_pieces(std::index_sequence<I...>) noexcept {
    return {nursery_piece(first_units << I)...};
  }
  bool may_have(std::size_t piece) const noexcept {
    return piece < most_pieces && first_units << piece <= most_blocks_;
  }
  std::size_t piece_of(const void* address) const noexcept {
    std::size_t i = 0;
    while (i != most_pieces && !pieces_[i].spans(address)) ++i;
    return i;
  }
  static std::uintptr_t address_of(const void* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }

  void* start(size_class c, std::uintptr_t first) noexcept {
    std::byte* const block = current_->start(c, first);
    if (block == nullptr) __builtin_unreachable(); // so that callers test once
    return block;
  }
  void open_window(const std::byte* from, const std::byte* to) noexcept {
    top_ = address_of(from);
    end_ = address_of(current_->allot(from, to));
  }
  void close_window() noexcept {
    top_ = 1;
    end_ = 0;
  }
  bool finish(nursery_piece& p, size_class c, const void* block) noexcept {
    if (!p.finish(c, block)) return false;
    if (p.used() == 0) idle_ = bool{closed_};
    return true;
  }
  void* allocate_in_hole(size_class c) noexcept;
  bool open_next_window() noexcept;
  bool begin_anew() noexcept;
  void begin_anew(nursery_piece& p) noexcept;
  void* allocate_in_rest(size_class c) noexcept;
  bool has_empty_piece() const noexcept;
  template <class Predicate>
  pieces_of_memory remove_if(Predicate goes) noexcept;

  std::array<nursery_piece, most_pieces> pieces_ = make_pieces(std::make_index_sequence<most_pieces>());
  nursery_piece* current_ = pieces_.data(); // which has the window, if that is open
  std::uintptr_t top_ = 1, end_ = 0;
  const std::uint32_t most_blocks_;
  const std::uint16_t largest_;
  relaxed<std::uint16_t> limit_;
  relaxed<bool> closed_; // until remove(): it serves whom it can
  relaxed<bool> idle_;
  relaxed<std::uint8_t> next_;
  std::uint8_t calls_to_wait_ = 0; // until it looks for holes again
};

} // namespace quarry::detail
