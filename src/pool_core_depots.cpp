// What a pool core does with the depots of its classes: made late, given room by use, emptied with the
// magazines.
#include <algorithm>
#include <new>
#include <stdexcept>

#include "pool_core.hpp"

namespace quarry::detail {

namespace {

constexpr std::size_t least_room = std::size_t{15}
                                   << 15;        // for all depots of a pool: with the caches less than 1 MiB
constexpr std::size_t least_carved = 16;         // blocks of a class that is worth a depot,
constexpr std::size_t least_carved_bytes = 2048; // or bytes
constexpr std::size_t first_room = 16;           // blocks
constexpr std::size_t usual_most = 96;           // with 124 the recorded cc1plus held 1.5 % more
constexpr std::size_t most_room_bytes = 7 << 16; // of one depot

// With the right to write, so that a line crosses cores once and not twice. __builtin_prefetch asks for that
// only where the compiler is told that there is such an instruction; processors without it ignore it.
void fetch_to_write(const void* p) noexcept {
#if defined(__x86_64__)
  asm("prefetchw %0" : : "m"(*static_cast<const char*>(p)));
#else
  __builtin_prefetch(p, 1);
#endif
}

// Of large blocks a depot holds few.
std::size_t depot_bytes_for(std::size_t block) noexcept {
  constexpr std::size_t small = 128, large = 1024;
  return block <= small ? pool_core::depot_bytes : pool_core::depot_bytes / (block <= large ? 2 : 4);
}

} // namespace

// Less than the threads' magazines: with as much for both, 2 % of the recorded redis' peak lay in depots.
// Where threads hand on blocks, what is on the way fills and empties them, and what does not fit goes to
// slabs; to one thread alone they are but more of its own.
std::size_t pool_core::room_of_depots() const noexcept {
  if (recorded_) return std::max(least_room, bytes_used() / 20);
  if (hands_on() && !is_thrifty()) return std::max(least_room, bytes_used() / 32);
  return room_for_magazines(hands_on() ? least_room : least_room / 4, bytes_used() / 32);
}

// From memory that is at hand, since a call that could do without upstream must not wait for it.
void pool_core::make_depot(size_class c) noexcept {
  pool* const p = pools_[c].load(std::memory_order_acquire);
  if (!may_have_depots_ || p == nullptr || p->shared_blocks() != nullptr) return;
  const std::size_t carved = p->count().carved;
  if (carved < least_carved && carved * block_sizes[c] < least_carved_bytes) return;
  const std::size_t bytes = recorded_ ? depot_bytes : depot_bytes_for(block_sizes[c]);
  void* const piece = source_.try_take_bookkeeping(bytes);
  if (piece == nullptr) return;
  if (!p->set_depot(*::new (piece) depot(bytes))) source_.give_bookkeeping(piece, bytes);
}

std::size_t pool_core::take_from_depot(size_class c, void** out, std::size_t count) noexcept {
  depot* const d = depot_of(c);
  const std::size_t taken = d == nullptr ? 0 : d->take(out, count);
  if (recorded_) // who allocates writes them; all come at once
    for (std::size_t i = 0; i < taken; ++i) fetch_to_write(out[i]);
  return taken;
}

std::size_t pool_core::put_into_depot(size_class c, void* const* blocks, std::size_t count) noexcept {
  depot* const d = depot_of(c);
  if (d == nullptr || count == 0) return 0;
  d->note_use();
  return d->put(blocks, count);
}

std::size_t pool_core::put_into_depot(flushed& f, size_class c, void* const* blocks,
                                      std::size_t count) noexcept {
  depot* const d = depot_of(c);
  if (d == nullptr || reserved(c) != 0) return 0;
  const std::size_t kept = put_into_depot(c, blocks, count);
  if (kept == count) return kept;
  enlarge(f, *d, c, count - kept);
  return kept + d->put(blocks + kept, count - kept);
}

// ---- room

// Twice the room, or else what others that had no use for theirs have lost by the next time.
void pool_core::enlarge(flushed& f, depot& d, size_class c, std::size_t more) noexcept {
  const std::size_t block = block_sizes[c];
  const std::size_t room = d.room();
  const std::size_t most_blocks = std::min(d.most(), hands_on() ? d.most() : usual_most);
  const std::size_t most = std::min(most_blocks, most_room_bytes / block);
  if (room >= most) return;
  more = std::min(most - room, std::max({more, room, first_room}));
  const std::size_t before = depot_room_bytes_.fetch_add(more * block, std::memory_order_relaxed);
  const std::size_t added = before + more * block > room_of_depots() ? 0 : d.add_room(more);
  depot_room_bytes_.fetch_sub((more - added) * block, std::memory_order_relaxed);
  if (added == 0) look_at_next_depot(f);
}

// Classes that had no use for their room lose half of it, and all do when less is used than once was. One
// depot at a time, so that a call flushes little.
void pool_core::look_at_next_depot(flushed& f) noexcept {
  const size_class c = next_looked_at_.fetch_add(1, std::memory_order_relaxed) % magazine_count;
  depot* const d = depot_of(c);
  if (d == nullptr) return;
  const bool too_much = depot_room_bytes_.load(std::memory_order_relaxed) > room_of_depots();
  if (d->used_lately() && !too_much) return;
  lower(f, c, (d->room() + 1) / 2);
}

void pool_core::see_to_depots() noexcept {
  if (depot_room_bytes_.load(std::memory_order_relaxed) <= room_of_depots()) return;
  flushed f;
  look_at_next_depot(f);
  finish(f);
}

// Takes `room` away, with blocks as far as it is not empty.
void pool_core::lower(flushed& f, size_class c, std::size_t room) noexcept {
  depot& d = *depot_of(c);
  void* blocks[most_at_once];
  while (room != 0) {
    std::size_t removed = d.remove_room(room);
    if (removed == 0) {
      const std::size_t taken = d.take_waiting(blocks, std::min(room, most_at_once));
      if (taken == 0) return;
      flush_into(f, c, blocks, taken);
      removed = d.remove_room(taken);
    }
    depot_room_bytes_.fetch_sub(removed * block_sizes[c], std::memory_order_relaxed);
    room -= removed;
  }
}

void pool_core::flush_depot(flushed& f, size_class c) noexcept {
  if (const depot* const d = depot_of(c)) lower(f, c, d->room());
}

void pool_core::flush_depot(size_class c) noexcept {
  const depot* const d = depot_of(c);
  if (d == nullptr || d->count() == 0) return;
  flushed f;
  flush_depot(f, c);
  finish(f);
}

void pool_core::flush_depots(flushed& f) noexcept {
  for (size_class c = 0; c < magazine_count; ++c) flush_depot(f, c);
}

void pool_core::hand_on_set(flushed& f, magazine_set& set) noexcept {
  for (size_class c = 0; c < magazine_count; ++c) hand_on_class(f, set, c);
}

void pool_core::hand_on_class(flushed& f, magazine_set& set, size_class c) noexcept {
  void* blocks[most_at_once];
  while (const std::size_t count = std::min(set.count(c), most_at_once)) {
    set.take_oldest(c, blocks, count);
    const std::size_t handed_on = draining(c) || settling() ? 0 : put_into_depot(f, c, blocks, count);
    if (handed_on != count) flush_into(f, c, blocks + handed_on, count - handed_on);
  }
}

std::size_t pool_core::list_depots(const void** out, std::size_t room) const noexcept {
  std::size_t listed = 0;
  for (size_class c = 0; c < magazine_count; ++c)
    if (depot* const d = depot_of(c))
      d->for_each([&](void* block) {
        if (listed < room) out[listed] = block;
        ++listed;
      });
  return listed;
}

std::size_t pool_core::count_depot(size_class c) const noexcept {
  const depot* const d = depot_of(c);
  return d == nullptr ? 0 : d->count();
}

void pool_core::check_depots() const {
  const char* wrong = nullptr;
  for (size_class c = 0; c < magazine_count; ++c)
    if (depot* const d = depot_of(c))
      d->for_each([&](void* block) {
        if (const char* const what = wrong_with_cached(c, block)) wrong = what;
      });
  if (wrong != nullptr) throw std::logic_error(wrong);
}

} // namespace quarry::detail
