#include "slab_map.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace quarry::detail {

namespace {

constexpr unsigned granule_shift = std::countr_zero(granule);

// What of a chunk lies in the granule `place`, counted from that in which it starts: offsets in the granule.
struct part {
  std::uintptr_t first, last;
};
part part_of(const chunk& c, std::size_t place) noexcept {
  const std::uintptr_t start = number_of(c.base), end = start + c.bytes - 1;
  const std::uintptr_t number = start / granule + place;
  return {place == 0 ? start % granule : 0, end / granule == number ? end % granule : granule - 1};
}
// The unit in which it starts.
std::uintptr_t unit_at(const chunk& c, std::size_t place) noexcept {
  const std::uintptr_t start = number_of(c.base);
  return place == 0 ? 0 : (place * granule - start % granule) >> c.unit_shift;
}

} // namespace

std::size_t slab_map::offset_in_small(std::uintptr_t key, std::uintptr_t address) noexcept {
  return address % granule - (key >> place_shift) % (granule / 64) * 64;
}

void slab_map::open() noexcept {
  table& first = first_.make();
  first = {nullptr, first_entries_.make().data(), shift_of(first_count)};
  current_.store(&first, std::memory_order_release);
}

const slab_map::entry* slab_map::entry_of(const void* address) const noexcept {
  const table& t = *current_.load(std::memory_order_acquire);
  const std::uintptr_t wanted = number_of(address) / granule;
  for (std::size_t i = start_of(wanted, t);; i = t.after(i)) {
    const entry& e = t.entries[i];
    const std::uintptr_t key = e.key.load(std::memory_order_acquire);
    if (key == empty_key) return nullptr;
    if (granule_of_key(key) != wanted) continue;
    if (!is_of_small_chunk(key)) {
      if (key > erased_key && covers(key, number_of(address))) return &e;
    } else if (offset_in_small(key, number_of(address)) >> size_of_small(key) == 0) {
      return &e;
    }
  }
}

slab_map::unit_slot slab_map::search(const void* address) const noexcept {
  const entry* const e = entry_of(address);
  if (e == nullptr) return no_slot();
  const std::uintptr_t key = e->key.load(std::memory_order_relaxed);
  const std::uintptr_t value = e->value.load(std::memory_order_acquire);
  const bool is_another = e->key.load(std::memory_order_relaxed) != key; // by now
  if (is_another || is_of_small_chunk(key) != is_small(value)) return no_slot();
  if (!is_small(value) && (key <= erased_key || !covers(key, number_of(address)))) return no_slot();
  if (is_small(value)) {
    const unsigned shift = chunk::unit_shift_of(std::size_t{1} << size_of_small(key));
    const std::size_t slot = offset_in_small(key, number_of(address)) >> shift;
    return {small_chunk(value).slots() + slot % units_of_small(value), shift};
  }
  const unsigned shift = unit_shift_of(value);
  return {slots_at(value) + (number_of(address) % granule >> shift), shift};
}

std::uintptr_t slab_map::key_of(const chunk& c, std::size_t place) noexcept {
  const std::uintptr_t start = number_of(c.base);
  if (c.bytes >= granule) {
    const part here = part_of(c, place);
    const std::uintptr_t first = here.first / 1024, rest = here.last / 1024 - first;
    return (start / granule + place) | first << place_shift | rest << rest_shift |
           unit_at(c, place) << unit_shift;
  }
  const auto log2_size = static_cast<std::uintptr_t>(std::countr_zero(c.bytes));
  return start / granule | (start % granule / 64) << place_shift | log2_size << size_shift | of_small_chunk;
}

std::uintptr_t slab_map::value_of(const chunk& c, std::size_t place) noexcept {
  if (c.bytes < granule) return number_of(&c) | (c.bytes < chunk::eight_units_below ? eight : sixteen);
  const unsigned shift = std::min<unsigned>(c.unit_shift, granule_shift);
  const std::uintptr_t slots_before = (part_of(c, place).first >> shift) * sizeof(std::atomic<slab*>);
  return (number_of(c.slots() + unit_at(c, place)) - slots_before) | (shift - chunk::least_unit_shift);
}

chunk& slab_map::chunk_of(const void* address) const noexcept {
  const entry* const e = entry_of(address);
  const std::uintptr_t value = e->value.load(std::memory_order_relaxed);
  if (is_small(value)) return small_chunk(value);
  const std::uintptr_t key = e->key.load(std::memory_order_relaxed);
  const std::uintptr_t first = (key >> place_shift & 31) * 1024 >> unit_shift_of(value);
  auto* const slots = slots_at(value) + first - (key >> unit_shift);
  return *(reinterpret_cast<chunk*>(slots) - 1);
}

bool slab_map::promise(std::size_t granules) noexcept {
  if (current_.load(std::memory_order_relaxed) == &none) open();
  const std::size_t entries = current_.load(std::memory_order_relaxed)->count();
  if ((live_ + erased_ + promised_ + granules) * 2 > entries) return false;
  promised_ += granules;
  return true;
}

bool slab_map::put(table& t, std::uintptr_t key, std::uintptr_t value) noexcept {
  std::size_t i = start_of(granule_of_key(key), t);
  while (t.entries[i].key.load(std::memory_order_relaxed) > erased_key) i = t.after(i);
  const bool reused = t.entries[i].key.load(std::memory_order_relaxed) == erased_key;
  t.entries[i].value.store(value, std::memory_order_release); // after what its key was before
  t.entries[i].key.store(key, std::memory_order_release);
  return reused;
}

void slab_map::insert(chunk& c) noexcept {
  promised_ -= most_granules_of(c.bytes);
  table& t = *current_.load(std::memory_order_relaxed);
  for (std::size_t g = 0; g < granules_of(c); ++g) {
    if (put(t, key_of(c, g), value_of(c, g))) --erased_;
    ++live_;
  }
}

void slab_map::erase(const chunk& c) noexcept {
  table& t = *current_.load(std::memory_order_relaxed);
  for (std::size_t g = 0; g < granules_of(c); ++g) {
    const std::uintptr_t key = key_of(c, g), value = value_of(c, g);
    std::size_t i = start_of(granule_of_key(key), t);
    while (t.entries[i].key.load(std::memory_order_relaxed) != key ||
           t.entries[i].value.load(std::memory_order_relaxed) != value)
      i = t.after(i);
    t.entries[i].key.store(erased_key, std::memory_order_release);
    --live_;
    ++erased_;
    make_empty(t, i);
  }
}

// An erased entry is there for who looks for one behind it: when none is, it is empty, and so those before it
// may be. Otherwise upstream addresses that don't come again would fill table after table.
void slab_map::make_empty(table& t, std::size_t i) noexcept {
  const auto key = [&](std::size_t at) -> auto& { return t.entries[at & t.last()].key; };
  while (key(i) == erased_key && key(i + 1) == empty_key) {
    key(i).store(empty_key, std::memory_order_release);
    --erased_;
    --i;
  }
}

// More than before, also when erased entries have filled it: then that happens ever more seldom.
std::size_t slab_map::next_count(std::size_t granules) const noexcept {
  const std::size_t entries = current_.load(std::memory_order_relaxed)->count();
  return std::bit_ceil(std::max((live_ + promised_ + granules) * 2, std::max(4 * first_count, 2 * entries)));
}

// Erased entries are not taken along. The table before stays, since a reader may be in it. A table that a
// call from within upstream has already outgrown is only kept until all is released.
void slab_map::move_to(void* memory, std::size_t count) noexcept {
  auto* const entries = reinterpret_cast<entry*>(static_cast<std::byte*>(memory) + sizeof(table));
  for (std::size_t i = 0; i < count; ++i) ::new (entries + i) entry{empty_key, 0};
  table* const older = current_.load(std::memory_order_relaxed);
  table* const larger = ::new (memory) table{older, entries, shift_of(count)};
  if ((live_ + promised_) * 2 > count) {
    larger->older = older->older;
    older->older = larger;
    return;
  }
  for (std::size_t i = 0; i < older->count(); ++i) {
    const entry& e = older->entries[i];
    const std::uintptr_t key = e.key.load(std::memory_order_relaxed);
    if (key > erased_key) put(*larger, key, e.value.load(std::memory_order_relaxed));
  }
  erased_ = 0;
  current_.store(larger, std::memory_order_release);
}

slab_map::table* slab_map::remove_all() noexcept {
  live_ = erased_ = promised_ = 0;
  return current_.exchange(&none, std::memory_order_release);
}

// A table and those before it, but for the one inside, or none.
void slab_map::give_back(upstream& up, table* t) noexcept {
  while (t != nullptr && t != &first_.get() && t != &none) {
    table* const older = t->older;
    up.deallocate(t, bytes_of(t->count()), alignof(table));
    t = older;
  }
}

} // namespace quarry::detail
