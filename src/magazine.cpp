#include <quarry/magazine.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace quarry::detail {

constinit magazine_set no_magazines;

void magazine_set::take_oldest(size_class c, void** out, std::size_t taken) noexcept {
  if (taken > count(c) - ahead[c]) gather(c);
  std::memcpy(out, oldest(c), taken * sizeof(void*));
  remove_oldest(c, taken);
}

void magazine_set::remove_oldest(size_class c, std::size_t removed) noexcept {
  void** const first = slots() + magazines[c].base;
  const std::size_t left = count(c) - ahead[c] - removed;
  std::memmove(first, first + removed, left * sizeof(void*));
  magazines[c].top.store_relaxed(static_cast<std::uint32_t>(magazines[c].base + left));
}

void* magazine_set::take_newest(size_class c) noexcept {
  gather(c);
  const std::uint32_t top = magazines[c].top.load_relaxed() - 1;
  magazines[c].top.store_relaxed(top);
  return slots()[top];
}

void magazine_set::put(size_class c, void* const* blocks, std::size_t added) noexcept {
  magazine& m = magazines[c];
  const std::uint32_t top = m.top.load_relaxed();
  std::reverse_copy(blocks, blocks + added, slots() + top);
  m.top.store_relaxed(static_cast<std::uint32_t>(top + added));
}

void magazine_set::put_ahead(size_class c, void* const* blocks, std::size_t added) noexcept {
  ahead[c] = static_cast<std::uint8_t>(ahead[c] + added);
  std::copy_n(blocks, added, slots() + magazines[c].end - ahead[c]);
}

void* magazine_set::take_ahead(size_class c) noexcept {
  return ahead[c] == 0 ? nullptr : slots()[magazines[c].end - ahead[c]--];
}

// Those ahead join the others.
void magazine_set::gather(size_class c) noexcept {
  if (ahead[c] == 0) return;
  const std::uint32_t top = magazines[c].top.load_relaxed();
  const std::size_t joined = std::exchange(ahead[c], std::uint8_t{0});
  std::memmove(slots() + top, slots() + magazines[c].end - joined, joined * sizeof(void*));
  magazines[c].top.store_relaxed(static_cast<std::uint32_t>(top + joined));
}

void magazine_set::let_push(size_class c, std::size_t blocks) noexcept {
  magazines[c].cap.store_relaxed(
      static_cast<std::uint16_t>(magazines[c].base + std::min(blocks, capacity(c) - ahead[c])));
}

void magazine_set::let_pop(size_class c, bool may) noexcept {
  if (may) gather(c);
  magazines[c].floor.store_relaxed(may ? magazines[c].base : magazine::closed_floor);
}

void magazine_set::close() noexcept {
  for (magazine& m : magazines) {
    m.floor.store_release(magazine::closed_floor);
    m.cap.store_release(0);
  }
}

bool magazine_set::is_closed() const noexcept {
  return std::all_of(magazines.begin(), magazines.end(), [](const magazine& m) {
    return m.floor.load_relaxed() == magazine::closed_floor && m.cap.load_relaxed() == 0;
  });
}

void magazine_set::forget_all() noexcept {
  for (size_class c = 0; c < magazine_count; ++c) magazines[c].top.store_relaxed(magazines[c].base);
  ahead.fill(0);
}

std::size_t magazine_set::list_blocks(const void** out, std::size_t room, std::size_t listed) const noexcept {
  for (size_class c = 0; c < magazine_count; ++c)
    for_each_block(c, [&](void* block) {
      if (listed < room) out[listed] = block;
      ++listed;
    });
  return listed;
}

void magazine_set::check_invariants() const {
  std::size_t taken = 0, bytes = 0;
  for (size_class c = 0; c < magazine_count; ++c) {
    if (count(c) > capacity(c)) throw std::logic_error("quarry: a magazine holds more than it has room for");
    if (capacity(c) != 0 && magazines[c].end > slots_used)
      throw std::logic_error("quarry: a magazine ends behind the last one");
    for (size_class i = 0; i < c; ++i)
      if (std::max(magazines[i].base, magazines[c].base) < std::min(magazines[i].end, magazines[c].end))
        throw std::logic_error("quarry: two magazines share a slot");
    taken += capacity(c);
    bytes += capacity(c) * block_sizes[c];
  }
  if (taken != slots_taken || slots_used > slot_count || bytes != capacity_bytes.load_relaxed())
    throw std::logic_error("quarry: the room of magazines is miscounted");
}

} // namespace quarry::detail
