#include "modelled_pool.hpp"

#include "../../src/thread_cache.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace quarry_simulation {

using namespace quarry::detail;

namespace {

constexpr int cores_of_a_shard = 8;
constexpr std::size_t room_of_a_core = 65536;
constexpr std::size_t address_space_of_a_core = std::size_t{8} << 20;

} // namespace

modelled_pool::modelled_pool(machine& m, const design& d)
    : machine_(m), design_(d), space_(address_space_of_a_core * static_cast<std::size_t>(m.core_count())),
      upstream_(space_.resource(), false), source_(upstream_, usage_, {}, false),
      pages_(static_cast<std::size_t>(m.core_count())) {
  shards_.resize(shard_of(m.core_count() - 1) + 1);
  for (shard& s : shards_) {
    s.depots.resize(quarry::size_class_count);
    for (size_class c = 0; c < quarry::size_class_count; ++c)
      s.classes.push_back(std::make_unique<class_slabs>(c, source_, usage_));
  }
  for (cache_page& page : pages_) {
    auto* const set = ::new (page.bytes.data()) magazine_set;
    set->set_room(sizeof(cache_page) - sizeof(thread_cache));
    set->room_of_all = &room_bytes_;
    room_.add_set();
  }
  room_.add_set(); // a core alone hands blocks on as well
}

modelled_pool::~modelled_pool() {
  shards_.clear();
  auto all = source_.remove_all();
  source_.give_back(all);
}

magazine_set& modelled_pool::set_of(int core) {
  return *std::launder(reinterpret_cast<magazine_set*>(pages_[static_cast<std::size_t>(core)].bytes.data()));
}

const magazine_set& modelled_pool::set_of(std::size_t core) const {
  return *std::launder(reinterpret_cast<const magazine_set*>(pages_[core].bytes.data()));
}

std::size_t modelled_pool::shard_of(int core) const {
  return design_.shards ? static_cast<std::size_t>(core / cores_of_a_shard) : 0;
}

// ---- the library's rules that lie in functions with real locks
// ---------------------------------------------

way modelled_pool::way_of(int core, size_class c) {
  if (slabs_of(shard_of(core), c).slabs.draining()) return way::draining;
  return source_.settling() ? way::counted : way::stack;
}

std::size_t modelled_pool::room_of_all() const {
  if (design_.room) return room_of_a_core * pages_.size();
  const std::size_t least = std::size_t{1} << (machine_.core_count() > 1 ? 20 : 18);
  return std::max(least - least / 16, usage_.used() / 10);
}

auto modelled_pool::room_for(int core) const {
  return [this, core](std::size_t more) {
    const std::size_t own = set_of(static_cast<std::size_t>(core)).capacity_bytes.load_relaxed();
    return own + more <= room_of_all() / pages_.size() && room_bytes_.load_relaxed() + more <= room_of_all();
  };
}

// ---- calls
// -------------------------------------------------------------------------------------------------

void modelled_pool::allocate(int core, size_class c, const taker& then) {
  machine_.spend(core, part::hot, machine_.cost().hot);
  void* const block = c < magazine_count ? set_of(core).pop(c) : nullptr;
  if (block != nullptr) return then(block);
  allocate_cold(core, c, then);
}

void modelled_pool::deallocate(int core, size_class c, void* block) {
  machine_.spend(core, part::hot, machine_.cost().hot);
  if (c < magazine_count && set_of(core).push(c, block)) return;
  deallocate_cold(core, c, block);
}

void modelled_pool::call_upstream(int core) {
  machine_.then(core, upstream_mutex_,
                [=, this] { machine_.spend(core, part::upstream, machine_.cost().upstream_call); });
}

// As take() in src/exchange.hpp.
void modelled_pool::allocate_cold(int core, size_class c, const taker& then) {
  ++cold_calls_;
  machine_.spend(core, part::cold, machine_.cost().cold_entry);
  if (c >= magazine_count) return refill_from_slabs(core, c, 1, then);
  magazine_set& set = set_of(core);
  const way now = way_of(core, c);
  choose(room_, set, c, now);
  if (now == way::draining) return refill_from_slabs(core, c, 1, then);
  if (set.count(c) != 0) return then(set.take_newest(c)); // it was draining
  note(set, c, found::empty);
  grow(set, c, room_, room_for(core));
  refill(core, c, batch_of(set, c), then);
}

// As give() in src/exchange.hpp.
void modelled_pool::deallocate_cold(int core, size_class c, void* block) {
  ++cold_calls_;
  machine_.spend(core, part::cold, machine_.cost().cold_entry);
  if (c >= magazine_count) return flush_to_slabs(core, c, {block});
  magazine_set& set = set_of(core);
  const way now = way_of(core, c);
  choose(room_, set, c, now);
  blocks leaving(pool::most_at_once);
  std::size_t count = 0;
  if (set.count(c) == set.capacity(c)) count = make_room(room_, set, c, now, room_for(core), leaving.data());
  if (set.count(c) < set.capacity(c))
    set.put(c, &block, 1);
  else
    leaving[count++] = block;
  leaving.resize(count);
  if (!leaving.empty()) return flush(core, c, leaving);
  if (now != way::counted) return;
  touch_counters(core, shard_of(core));
  usage_.note_freed(block_sizes[c]);
  tick(core);
}

void modelled_pool::exit_thread(int core) {
  magazine_set& set = set_of(core);
  for (size_class c = 0; c < magazine_count; ++c)
    while (const std::size_t count = std::min(set.count(c), pool::most_at_once)) {
      blocks leaving(count);
      set.take_oldest(c, leaving.data(), count);
      flush(core, c, leaving);
    }
  set.give_up_room();
}

// ---- seeing
// ------------------------------------------------------------------------------------------------

modelled_pool::block_count modelled_pool::count() const {
  block_count all{};
  for (const shard& s : shards_)
    for (const auto& of_class : s.classes) {
      const pool::counts counted = of_class->slabs.count();
      all.taken_from_slabs += counted.carved - counted.free;
    }
  for (std::size_t core = 0; core < pages_.size(); ++core)
    for (size_class c = 0; c < magazine_count; ++c) all.in_magazines += set_of(core).count(c);
  for (const shard& s : shards_)
    for (const depot& d : s.depots)
      for (const full_magazine& m : d.full) all.in_depots += m.contents.size();
  return all;
}

// A pool finds its slabs by their class, and so those of other shards, too: then their numbers are compared.
void modelled_pool::check_invariants() const {
  source_.check_invariants();
  for (std::size_t c = 0; c < shards_.front().classes.size(); ++c) {
    if (shards_.size() == 1) shards_.front().classes[c]->slabs.check_invariants();
    std::size_t counted = 0, found = 0;
    for (const shard& s : shards_) counted += s.classes[c]->slabs.count().slabs;
    shards_.front().classes[c]->slabs.for_each_slab([&](const slab&) { ++found; });
    if (found != counted) throw std::logic_error("quarry: slabs of shards are miscounted");
  }
  for (std::size_t core = 0; core < pages_.size(); ++core) set_of(core).check_invariants();
}

double modelled_pool::highest_lock_utilisation(double duration) const {
  double longest = std::max(upstream_mutex_.held, source_mutex_.held);
  for (const shard& s : shards_)
    for (const auto& of_class : s.classes) longest = std::max(longest, of_class->mutex.held);
  for (const shard& s : shards_)
    for (const depot& d : s.depots) longest = std::max(longest, d.mutex.held);
  return longest / duration;
}

} // namespace quarry_simulation
