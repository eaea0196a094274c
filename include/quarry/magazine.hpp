// Magazines: free blocks at hand, an array of block pointers per class. Rung 5; the hot path of every pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quarry/atomic_word.hpp>
#include <quarry/size_class.hpp>

namespace quarry::detail {

/// Requests that end at or beyond this offset take the cold path.
inline constexpr std::size_t magazine_limit = block_size_of(magazine_count - 1);

/// The class of the request that ends at offset `last`, or magazine_count, whose magazine is never open.
constexpr size_class magazine_of_last(std::size_t last) noexcept {
  return last < magazine_limit ? size_class_of_last(last) : magazine_count;
}

// The blocks of one class lie in slots [base, top) of the set's slots; the class may use [base, end). Those
// that the cold path fetched to be served before these lie at the other end: ahead of them.
//
//   base ≤ top ≤ end − ahead
//   floor = base, or closed when nothing may be popped, as while ahead ≠ 0
//   cap ≤ end − ahead, and ≤ base when nothing may be pushed
//
// The owner pops while top > floor and pushes while top < cap. So whoever closes the bounds sends the owner's
// next call to the cold path, at no cost to the hot one. Bounds are small, so that all magazines fit the L1
// cache, and those of a thread one page together with their slots. Only the top, which hot calls write, has
// 32 bits: a 16-bit load right after a 16-bit store is not forwarded without a wait on today's cores (a pop
// and a push took 5.0 ns; with 32 bits 2.6 to 4.5).
struct magazine {
  atomic_word<std::uint32_t> top;
  atomic_word<std::uint16_t> floor, cap;
  std::uint16_t base, end;

  static constexpr std::uint16_t closed_floor = 0xFFFF;
};
static_assert(sizeof(magazine) == 12);

/// By last / 8: how many bytes behind the first magazine lies that of a small request; to multiply by 12 is
/// three instructions.
inline constexpr auto small_magazines = [] {
  std::array<std::uint16_t, small_classes_end / 8> offsets{};
  for (std::size_t i = 0; i < offsets.size(); ++i)
    offsets[i] = static_cast<std::uint16_t>(small_classes[i] * sizeof(magazine));
  return offsets;
}();

// One set a thread and pool. `busy` brackets each hot call of a thread, so that a visitor that has closed all
// bounds and made every thread see it (membarrier) knows by busy == 0 that the owner is out and stays out. In
// C++'s terms:
//
//   owner:   busy ← 1 · compiler fence · read bounds (acquire) · act · busy ← 0 (release)
//   visitor: close bounds (release) · membarrier · busy = 0 (acquire)? · act · leave; the owner's cold path
//   opens bounds
//
// (The cold path, which moves bounds itself, is kept out in the same way, by a flag of the cache.)
//
// Of the owner's store to busy and its read of the bounds, and the visitor's store to the bounds and its read
// of busy, the barrier orders both pairs: at least one sees the other. The releases and acquires order the
// slots themselves.
struct magazine_set {
  atomic_word<const void*> owner; // the pool it serves
  atomic_word<std::uint8_t> busy;
  std::array<magazine, magazine_count + 1> magazines{}; // the last one has no room, ever

  // Cold from here.
  std::array<std::uint8_t, magazine_count> ahead{};
  std::array<std::int8_t, magazine_count>
      drift{}; // times it was found empty in a row, or less those it was full
  std::uint16_t slot_count = 0;
  std::uint16_t slots_used = 0;            // end of the last magazine that has room
  std::uint16_t slots_taken = 0;           // Σ (end − base)
  std::uint32_t refusals = 0;              // of room
  std::uint32_t bytes_to_count = 0;        // freed into magazines, where that is counted
  atomic_word<std::size_t> capacity_bytes; // Σ (end − base) · block size
  atomic_word<std::size_t>* room_of_all =
      nullptr; // where capacity_bytes of all sets of a pool are summed, if anywhere

  void** slots() noexcept { return reinterpret_cast<void**>(this + 1); }
  void* const* slots() const noexcept { return reinterpret_cast<void* const*>(this + 1); }

  bool serves(const void* pool) const noexcept { return owner.load_relaxed() == pool; }

  /// magazines[magazine_of_last(last)]: one test for small requests, which are most.
  magazine& magazine_for(std::size_t last) noexcept {
    if (last < small_classes_end) [[likely]]
      return *reinterpret_cast<magazine*>(reinterpret_cast<std::byte*>(magazines.data()) +
                                          small_magazines[last / 8]);
    return magazines[last < magazine_limit ? computed_class_of_last(last) : magazine_count];
  }

  /// A block, or null when the cold path must see to it.
  void* pop(magazine& m) noexcept {
    const std::uint32_t top = m.top.load_relaxed();
    if (top <= m.floor.load_acquire()) [[unlikely]]
      return nullptr;
    m.top.store_relaxed(top - 1);
    void* const block = slots()[top - 1];
    if (block == nullptr) __builtin_unreachable(); // so that callers test once
    return block;
  }

  /// False when the cold path must see to it.
  bool push(magazine& m, void* block) noexcept {
    const std::uint32_t top = m.top.load_relaxed();
    if (top >= m.cap.load_acquire()) [[unlikely]]
      return false;
    slots()[top] = block;
    m.top.store_relaxed(top + 1);
    return true;
  }

  void* pop(size_class c) noexcept { return pop(magazines[c]); }
  bool push(size_class c, void* block) noexcept { return push(magazines[c], block); }

  // push() in two steps, for an owner that is inside and has something to do between them.
  bool may_push(size_class c) const noexcept {
    return magazines[c].top.load_relaxed() < magazines[c].cap.load_acquire();
  }
  struct place {
    magazine& of;
    std::uint32_t slot;
  };
  place end_of(size_class c) noexcept { return {magazines[c], magazines[c].top.load_relaxed()}; }
  void push_at(place end, void* block) noexcept {
    slots()[end.slot] = block;
    end.of.top.store_relaxed(end.slot + 1);
  }

  void* pop_shared(magazine& m) noexcept {
    enter();
    void* const block = pop(m);
    leave();
    return block;
  }
  bool push_shared(magazine& m, void* block) noexcept {
    enter();
    const bool done = push(m, block);
    leave();
    return done;
  }
  void* pop_shared(size_class c) noexcept { return pop_shared(magazines[c]); }
  bool push_shared(size_class c, void* block) noexcept { return push_shared(magazines[c], block); }

  /// Tells an empty set how many bytes follow it for slots.
  void set_room(std::size_t bytes) noexcept;

  std::size_t count(size_class c) const noexcept {
    return std::size_t{magazines[c].top.load_relaxed()} - magazines[c].base + ahead[c];
  }
  std::size_t capacity(size_class c) const noexcept {
    return std::size_t{magazines[c].end} - magazines[c].base;
  }

  /// Whether all that is there may be popped, and pushed until there is no more room.
  bool is_open(size_class c) const noexcept {
    const magazine& m = magazines[c];
    return m.floor.load_relaxed() == magazines[c].base && m.cap.load_relaxed() == m.end;
  }
  bool has_slots(std::size_t more) const noexcept { return slots_taken + more <= slot_count; }

  /// Makes room for `capacity` blocks of class `c`, more than there is; expects slots for them.
  void resize(size_class c, std::size_t capacity) noexcept;

  /// Every so many calls, halves the room of classes that had no use for it since the last time. True when it
  /// did.
  bool reclaim_room() noexcept;

  /// Halves the room of the class that has most of it empty, if that is much more than class `c` has. True
  /// when it did.
  bool reclaim_from_largest(size_class c) noexcept;

  /// Takes the `count` oldest blocks of class `c`, which has as many.
  void take_oldest(size_class c, void** out, std::size_t count) noexcept;

  void* const* oldest(size_class c) const noexcept { return slots() + magazines[c].base; }
  /// The same for a caller that has copied them already, see oldest().
  void remove_oldest(size_class c, std::size_t count) noexcept;

  /// Takes the newest block of class `c`, which has some.
  void* take_newest(size_class c) noexcept;

  /// Puts blocks that go out in order of the array; expects room.
  void put(size_class c, void* const* blocks, std::size_t count) noexcept;

  /// Where the next block goes. Who writes blocks there tells by added(); the last one goes out first.
  void** end_of_blocks(size_class c) noexcept { return slots() + magazines[c].top.load_relaxed(); }
  void added(size_class c, std::size_t count) noexcept {
    magazine& m = magazines[c];
    m.top.store_relaxed(m.top.load_relaxed() + static_cast<std::uint32_t>(count));
  }

  /// Puts blocks ahead of all others, to be taken in order of the array; expects room.
  void put_ahead(size_class c, void* const* blocks, std::size_t count) noexcept;
  /// Takes the next of them, or null.
  void* take_ahead(size_class c) noexcept;

  /// How many blocks of class `c` the hot path may push, and whether it may pop any, from now on. When it
  /// may, none is ahead of the others any more.
  void let_push(size_class c, std::size_t up_to) noexcept;
  void let_pop(size_class c, bool may) noexcept;

  void close() noexcept; ///< sends the owner's next call for each class to the cold path
  bool is_closed() const noexcept;
  void forget_all() noexcept;   ///< all blocks are dead
  void give_up_room() noexcept; ///< every capacity becomes 0; expects empty magazines
  /// Its blocks and capacities; this one is empty, with slots enough.
  void take_over(magazine_set& other) noexcept;

  /// Calls f(block) for each of class `c`.
  template <class Function>
  void for_each_block(size_class c, Function f) const {
    for (std::size_t i = magazines[c].base; i < magazines[c].top.load_relaxed(); ++i) f(slots()[i]);
    for (std::size_t i = magazines[c].end - ahead[c]; i < magazines[c].end; ++i) f(slots()[i]);
  }

  /// Writes the blocks' addresses to out[listed, room) as far as they fit; returns `listed` and their number.
  std::size_t list_blocks(const void** out, std::size_t room, std::size_t listed) const noexcept;

  void check_invariants() const;

  void enter() noexcept {
    busy.store_relaxed(1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
  }
  void leave() noexcept { busy.store_release(0); }

private:
  using capacities = std::array<std::size_t, magazine_count>;
  void lay_out(const capacities& wanted) noexcept;
  void lay(size_class c, void* const* before, std::size_t base, std::size_t wanted) noexcept;
  void lay_out_with(size_class c, std::size_t wanted) noexcept;
  void move_to(size_class c, std::uint16_t slot) noexcept;
  void gather(size_class c) noexcept;
  void set_capacity_bytes(std::size_t bytes) noexcept;
};

/// What a pool without magazines, and a thread without any for a pool, points to: every call takes the cold
/// path.
extern constinit magazine_set no_magazines;

} // namespace quarry::detail
