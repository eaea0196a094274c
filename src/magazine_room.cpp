// How the slots of a magazine set are shared among its classes.
#include <algorithm>
#include <cstring>
#include <utility>

#include <quarry/magazine.hpp>

namespace quarry::detail {

namespace {

constexpr std::size_t most_slots = 2048; // fewer than a closed floor

} // namespace

void magazine_set::set_room(std::size_t bytes) noexcept {
  slot_count = static_cast<std::uint16_t>(std::min(bytes / sizeof(void*), most_slots));
}

// In place where the class is last, else behind all others: what it leaves is a gap, until all are laid out
// anew.
void magazine_set::resize(size_class c, std::size_t wanted) noexcept {
  const std::size_t more = wanted - capacity(c);
  const bool is_last = magazines[c].end == slots_used;
  if (slots_used + (is_last ? more : wanted) > slot_count) return lay_out_with(c, wanted);
  gather(c);
  magazine& m = magazines[c];
  const bool pushed = m.cap.load_relaxed() == m.end;
  if (!is_last) move_to(c, slots_used);
  m.end = static_cast<std::uint16_t>(m.end + more);
  slots_used = m.end;
  slots_taken = static_cast<std::uint16_t>(slots_taken + more);
  if (pushed) m.cap.store_relaxed(m.end);
  set_capacity_bytes(capacity_bytes.load_relaxed() + more * block_sizes[c]);
}

void magazine_set::move_to(size_class c, std::uint16_t slot) noexcept {
  magazine& m = magazines[c];
  const std::size_t blocks = count(c);
  if (blocks != 0) std::memcpy(slots() + slot, slots() + magazines[c].base, blocks * sizeof(void*));
  const auto moved = [from = m.base, to = slot](std::size_t slot_before) {
    return static_cast<std::uint16_t>(slot_before - from + to);
  };
  const std::uint16_t floor = m.floor.load_relaxed(), cap = m.cap.load_relaxed(); // a visitor may close them
  if (floor != magazine::closed_floor) m.floor.store_relaxed(moved(floor));
  if (cap != 0) m.cap.store_relaxed(moved(cap));
  m.top.store_relaxed(moved(m.top.load_relaxed()));
  m.end = moved(m.end);
  m.base = slot;
}

void magazine_set::lay_out_with(size_class c, std::size_t wanted) noexcept {
  capacities all;
  for (size_class i = 0; i < magazine_count; ++i) all[i] = i == c ? wanted : capacity(i);
  lay_out(all);
}

void magazine_set::set_capacity_bytes(std::size_t bytes) noexcept {
  if (room_of_all != nullptr) room_of_all->add_relaxed(bytes - capacity_bytes.load_relaxed());
  capacity_bytes.store_relaxed(bytes);
}

bool magazine_set::reclaim_room() noexcept {
  // A class that was large enough had no use for more either. Where threads share, most calls are quick and
  // refuse nothing.
  const std::uint32_t patience = room_of_all == nullptr ? 256 : 128;
  if (++refusals % patience != 0) return false;
  capacities wanted;
  for (size_class i = 0; i < magazine_count; ++i) {
    const bool used = std::exchange(drift[i], std::int8_t{0}) != 0;
    wanted[i] = used ? capacity(i) : std::max(count(i), capacity(i) / 2);
  }
  lay_out(wanted);
  return true;
}

// Who came late finds all slots taken: of those that lie empty the largest class gives half. It is looked for
// once in eight refusals, since that is a look at all.
bool magazine_set::reclaim_from_largest(size_class c) noexcept {
  constexpr std::size_t much_more = 4, small = 512;
  constexpr std::uint32_t every = 8;
  if (capacity(c) != 0 || block_sizes[c] > small || refusals % every != 0) return false;
  size_class donor = c;
  for (size_class i = 0; i < magazine_count; ++i)
    if (capacity(i) - count(i) > capacity(donor) - count(donor)) donor = i;
  if (capacity(donor) < much_more) return false;
  lay_out_with(donor, std::max(count(donor), capacity(donor) / 2));
  return true;
}

void magazine_set::lay_out(const capacities& wanted) noexcept {
  for (size_class c = 0; c < magazine_count; ++c) gather(c);
  void* before[most_slots];
  std::memcpy(before, slots(), slots_used * sizeof(void*));
  std::size_t next = 0, bytes = 0;
  for (size_class c = 0; c < magazine_count; ++c) {
    if (wanted[c] == 0 && capacity(c) == 0) continue; // most classes; nothing lies anywhere
    lay(c, before, next, wanted[c]);
    next += wanted[c];
    bytes += wanted[c] * block_sizes[c];
  }
  slots_used = slots_taken = static_cast<std::uint16_t>(next);
  set_capacity_bytes(bytes);
}

// Gives class `c` the `wanted` slots from `base` on, with its blocks from the slots `before`. What was closed
// stays closed.
void magazine_set::lay(size_class c, void* const* before, std::size_t base, std::size_t wanted) noexcept {
  magazine& m = magazines[c];
  const std::size_t blocks = count(c);
  const bool pushed = m.cap.load_relaxed() == m.end;
  const bool popped = m.floor.load_relaxed() == m.base;
  if (blocks != 0) std::memcpy(slots() + base, before + m.base, blocks * sizeof(void*));
  m.base = static_cast<std::uint16_t>(base);
  m.top.store_relaxed(static_cast<std::uint32_t>(base + blocks));
  m.end = static_cast<std::uint16_t>(base + wanted);
  let_pop(c, popped);
  let_push(c, pushed ? wanted : 0);
}

void magazine_set::give_up_room() noexcept { lay_out(capacities{}); }

void magazine_set::take_over(magazine_set& other) noexcept {
  capacities same;
  for (size_class c = 0; c < magazine_count; ++c) {
    other.gather(c);
    same[c] = other.capacity(c);
  }
  lay_out(same);
  for (size_class c = 0; c < magazine_count; ++c) {
    std::copy_n(other.slots() + other.magazines[c].base, other.count(c), slots() + magazines[c].base);
    magazines[c].top.store_relaxed(static_cast<std::uint32_t>(magazines[c].base + other.count(c)));
  }
  for (size_class c = 0; c < magazine_count; ++c) { // what may be pushed and popped
    const magazine& m = other.magazines[c];
    let_push(c, std::max<std::size_t>(m.cap.load_relaxed(), m.base) - m.base);
    let_pop(c, m.floor.load_relaxed() == m.base);
  }
  drift = other.drift;
}

} // namespace quarry::detail
