#include "depot_set.hpp"

#include <algorithm>
#include <new>

namespace quarry::detail {

namespace {

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
  return block <= small ? depot_set::most_bytes : depot_set::most_bytes / (block <= large ? 2 : 4);
}

} // namespace

// From memory that is at hand, since a call that could do without upstream must not wait for it.
void depot_set::make(size_class c) noexcept {
  pool* const p = pools_.find(c);
  if (!wanted_ || p == nullptr || p->depot_or_null() != nullptr) return;
  const std::size_t carved = p->count().carved;
  if (carved < least_carved && carved * block_sizes[c] < least_carved_bytes) return;
  const std::size_t bytes = segments_ ? most_bytes : depot_bytes_for(block_sizes[c]);
  void* const piece = source_.try_take_bookkeeping(bytes);
  if (piece == nullptr) return;
  if (!p->set_depot(*::new (piece) depot(bytes))) source_.give_bookkeeping(piece, bytes);
}

std::size_t depot_set::take(size_class c, void** out, std::size_t count) noexcept {
  depot* const d = find(c);
  const std::size_t taken = d == nullptr ? 0 : d->take(out, count);
  if (segments_) // who allocates writes the records; all come at once
    for (std::size_t i = 0; i < taken; ++i) fetch_to_write(out[i]);
  return taken;
}

std::size_t depot_set::put(size_class c, void* const* blocks, std::size_t count) noexcept {
  depot* const d = find(c);
  if (d == nullptr || count == 0) return 0;
  d->note_use();
  return d->put(blocks, count);
}

// ---- room

// Room is added up before it is taken, so that threads that take some at once don't take too much.
bool depot_set::enlarge(size_class c, std::size_t more) noexcept {
  depot* const d = find(c);
  if (d == nullptr) return true;
  const std::size_t block = block_sizes[c];
  const std::size_t room = d->room();
  const std::size_t most_blocks = room_.hands_on() ? d->most() : std::min(d->most(), usual_most);
  const std::size_t most = std::min(most_blocks, most_room_bytes / block);
  if (room >= most) return true;
  more = std::min(most - room, std::max({more, room, first_room}));
  const std::size_t before = room_bytes_.fetch_add(more * block, std::memory_order_relaxed);
  const std::size_t added = before + more * block > room_.of_depots() ? 0 : d->add_room(more);
  room_bytes_.fetch_sub((more - added) * block, std::memory_order_relaxed);
  return added != 0;
}

// One depot at a time, so that a call flushes little.
depot_set::surplus depot_set::next_surplus() noexcept {
  const size_class c = next_looked_at_.fetch_add(1, std::memory_order_relaxed) % magazine_count;
  depot* const d = find(c);
  if (d == nullptr) return {c, 0};
  const bool too_much = have_too_much();
  if (d->used_lately() && !too_much) return {c, 0};
  return {c, (d->room() + 1) / 2};
}

// What is empty goes at once; then the depot is full, and blocks have to leave first.
std::size_t depot_set::lower(surplus& s, void** out) noexcept {
  depot* const d = find(s.c);
  if (d == nullptr) return 0;
  const auto remove = [&](std::size_t room) {
    const std::size_t removed = d->remove_room(room);
    room_bytes_.fetch_sub(removed * block_sizes[s.c], std::memory_order_relaxed);
    s.room -= removed;
  };
  remove(s.room);
  if (s.room == 0) return 0;
  const std::size_t taken = d->take_waiting(out, std::min(s.room, pool::most_at_once));
  remove(taken);
  return taken;
}

std::size_t depot_set::list(const void** out, std::size_t room) const noexcept {
  std::size_t listed = 0;
  for_each_block([&](size_class, void* block) {
    if (listed < room) out[listed] = block;
    ++listed;
  });
  return listed;
}

} // namespace quarry::detail
