#include "own_magazines.hpp"

#include <new>
#include <utility>

#include "exchange.hpp"
#include "magazine_flush.hpp"

namespace quarry::detail {

namespace {

constexpr std::size_t least_bytes = 4096;
constexpr std::size_t most_bytes = 16384;
constexpr std::size_t set_alignment = 64;

constexpr std::size_t slots_in(std::size_t bytes) noexcept {
  return (bytes - sizeof(magazine_set)) / sizeof(void*);
}

} // namespace

// Where there was no room for a larger magazine the next seven calls don't look for any.
struct own_magazines::room_search {
  explicit room_search(own_magazines& own) noexcept : of(own), refusals(own.set_->refusals) {}
  ~room_search() {
    if (of.calls_without_room_ != 0)
      --of.calls_without_room_;
    else if (of.set_->refusals != refusals)
      of.calls_without_room_ = 7;
  }
  room_search(const room_search&) = delete;
  room_search& operator=(const room_search&) = delete;

  own_magazines& of;
  const std::uint32_t refusals;
};

// ---- what is exchanged

void* own_magazines::allocate(size_class c) {
  if (!is_there()) cold_calls_ += slab_call;
  if (const std::size_t due = due_bytes()) try_to_make(due);
  if (c >= magazine_count || !is_there()) {
    void* block;
    core_.refill(c, &block, 1);
    return block;
  }
  no_mutex mutex;
  const room_search search(*this);
  return take(
      core_, set_, mutex, c, [this](std::size_t more) { return has_room(more); }, [this] { flush(); });
}

void own_magazines::deallocate(size_class c, void* block) noexcept {
  no_mutex mutex;
  if (c >= magazine_count || !is_there())
    core_.deallocate(c, block);
  else if (!core_.settling() || !keep_counted(core_, *set_, mutex, c, block)) {
    const room_search search(*this);
    give(core_, set_, mutex, mutex, c, block, [this](std::size_t more) { return has_room(more); });
  }
  if (!is_there() || core_.pools().reserved(c) != 0) return;
  if (core_.magazines_are_stale())
    flush(core_.room().is_thrifty());
  else if (has_too_much())
    flush(true);
}

void own_magazines::flush(bool gives_up_room) noexcept {
  pool_core::flushed f;
  flush_set(core_, f, *set_);
  if (gives_up_room && is_there()) set_->give_up_room();
  core_.finish(f, true);
}

// Room for blocks in proportion to what is used, which counts those in magazines: of that a ninth would be an
// eighth of what is live, the most there may be.
bool own_magazines::has_room(std::size_t more) const noexcept {
  constexpr std::size_t least = 7 << 16;
  if (calls_without_room_ != 0) return false;
  return set_->capacity_bytes.load_relaxed() + more <= core_.room().of_magazines(least, 11);
}

// What there may be falls with what is used, also where all that comes back is of classes without a magazine.
bool own_magazines::has_too_much() const noexcept {
  constexpr std::size_t least = std::size_t{1} << 20;
  const std::size_t there = set_->capacity_bytes.load_relaxed();
  return there > least && there > core_.room().weighed_use() / 9;
}

// ---- how large

// Twice as many when slots run short, at most three quarters of what is used, so that bursts of small blocks
// fit. After a fall the least once: who then needs more again may do so periodically, and keeps them.
std::size_t own_magazines::due_bytes() const noexcept {
  if (!is_there()) return cold_calls_ > calls_before_magazines ? least_bytes : 0;
  if (core_.room().is_thrifty()) {
    const bool fits = set_->slots_taken <= slots_in(least_bytes);
    return bytes_ > least_bytes && !stays_large_ && fits ? least_bytes : 0;
  }
  const std::size_t more = 2 * bytes_;
  if (more > most_bytes || set_->has_slots(set_->slot_count / 2)) return 0;
  return more <= core_.room().used() / 4 * 3 ? more : 0;
}

void own_magazines::try_to_make(std::size_t bytes) noexcept {
  try {
    make(bytes);
  } catch (...) { // then the pool goes on with what it has
  }
}

// A call from within upstream may have made some meanwhile, or filled those there are.
void own_magazines::make(std::size_t bytes) {
  void* const memory = core_.door().allocate(bytes, set_alignment);
  if (set_->slots_taken > slots_in(bytes)) return core_.door().deallocate(memory, bytes, set_alignment);
  auto* const made = ::new (memory) magazine_set;
  made->set_room(bytes - sizeof(magazine_set));
  magazine_set* const before = set_;
  const std::size_t bytes_before = bytes_;
  if (is_there()) made->take_over(*before);
  if (bytes < bytes_before) stays_large_ = true;
  set_ = made;
  bytes_ = bytes;
  if (bytes_before != 0) core_.door().deallocate(before, bytes_before, set_alignment);
}

void own_magazines::make_largest() {
  if (bytes_ < most_bytes) make(most_bytes);
  stays_large_ = true;
}

own_magazines::set_memory own_magazines::remove() noexcept {
  cold_calls_ = 0;
  stays_large_ = false;
  return {std::exchange(set_, &no_magazines), std::exchange(bytes_, 0)};
}

void own_magazines::give_back(set_memory dead) noexcept {
  if (dead.bytes != 0) core_.door().deallocate(dead.begin, dead.bytes, set_alignment);
}

// ---- seen from outside

std::array<std::size_t, size_class_count> own_magazines::count_blocks() const noexcept {
  std::array<std::size_t, size_class_count> counts{};
  for (size_class c = 0; c < magazine_count; ++c) counts[c] = set_->count(c);
  return counts;
}

void own_magazines::check_invariants() const {
  if (is_there()) check_set(core_, *set_);
}

} // namespace quarry::detail
