// Memory for descriptors and tables, out of line of the blocks. Rung 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "upstream.hpp"

namespace quarry::detail {

// Pieces are whole cache lines: every count of them to 576 bytes, then the powers of two to 16 KiB. A piece
// given back serves the same size again, and nothing goes upstream before release_all().
//
//   bytes of all blocks = Σ block headers + pieces handed out + free pieces + untouched rest of the newest
//   block
//
/// Not synchronized: its owner locks. Only grow() calls upstream.
class bookkeeping {
public:
  static constexpr std::size_t line = 64;

  /// Obtains 1/2^`share` of what is held at once.
  explicit bookkeeping(std::uint32_t share = 7) noexcept : share_(share) {}

  static constexpr std::size_t largest_piece = 16384;

  /// A piece of at least `bytes` ≤ largest_piece, or null when grow() is needed first.
  void* take(std::size_t bytes) noexcept;
  /// The same, of pieces that were given back.
  void* take_again(std::size_t bytes) noexcept;
  bool has_again(std::size_t bytes) const noexcept { return free_[list_of(bytes)] != nullptr; }
  void give(void* memory, std::size_t bytes) noexcept { give_to_list(list_of(bytes), memory); }
  /// Whether take() would give a piece.
  bool has(std::size_t bytes) const noexcept;

  /// Free pieces of one length are in a list, of greater length in a higher one: that of pieces for `bytes`,
  /// how long they are, and as bits which lists are not empty.
  static std::size_t list_of(std::size_t bytes) noexcept;
  static std::size_t bytes_in(std::size_t list) noexcept;
  std::uint32_t lists() const noexcept;
  void* take_of_list(std::size_t list) noexcept; ///< null when it is empty
  void give_to_list(std::size_t list, void* memory) noexcept;

  /// How long a piece for `bytes` is.
  static std::size_t piece_of(std::size_t bytes) noexcept { return bytes_in(list_of(bytes)); }

  /// Obtains memory from upstream and adds it with `locked(add)`, which shall call `add()` under the owner's
  /// lock.
  template <class Locked>
  void grow(upstream& up, std::size_t bytes, Locked locked) {
    const std::size_t size = next_block_size(bytes, up.held());
    void* const memory = up.allocate(size, line);
    locked([&] { add(memory, size); });
  }

  /// Takes everything away: it is what is returned that has it.
  bookkeeping remove_all() noexcept { return std::exchange(*this, bookkeeping(share_)); }
  /// Gives every block back; all pieces are dead.
  void release_all(upstream& up) noexcept;

private:
  static constexpr std::size_t list_count = 15;
  struct piece {
    piece* next;
  };
  struct block {
    block* next;
    std::size_t size;
  };

  std::size_t next_block_size(std::size_t bytes, std::size_t held) const noexcept;
  void add(void* memory, std::size_t size) noexcept;

  std::array<piece*, list_count> free_{};
  block* blocks_ = nullptr;
  std::byte* rest_ = nullptr;
  std::uint32_t rest_bytes_ = 0;
  std::uint32_t share_;
};

} // namespace quarry::detail
