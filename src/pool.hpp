// A pool: all slabs of one class. Rung 3.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "address_tree.hpp"
#include "depot.hpp"
#include "slab.hpp"
#include "slab_list.hpp"
#include "slab_source.hpp"
#include "usage.hpp"

namespace quarry::detail {

/// A block that a flush could not give to a slab of its class, and why.
struct bad_block {
  void* address;
  bool listed_free; // a double free, else no block of this class starts there
  slab* in;
};

// Slabs that are worth a visit stand in order: the one of the lowest address serves next, one order for all
// classes, so that high chunks come to be empty. Those with few free blocks are in a list; while the class
// drains one that gets some joins the others. Full ones are nowhere: a free finds them by its address.
//
//   carved = Σ blocks, free = Σ free_count over the slabs;   used = carved − free
//   no slab is empty, but for those that reserve() asked to keep
//   promised ≤ reserved;   equal while nobody is reserving
class pool {
public:
  static constexpr std::size_t most_at_once = 64; ///< blocks of one refill or flush

  pool(size_class c, slab_source& source, usage& use, bool shared) noexcept
      : source_(source), usage_(use), mutex_(shared), class_(static_cast<std::uint8_t>(c)) {}

  /// Takes 1 to `count` free blocks, lowest addresses of at most two slabs first; returns how many.
  /// Throws what upstream throws, and then nothing has changed.
  std::size_t refill(void** out, std::size_t count);

  /// The same without the slab source: returns 0 when no slab has a free block.
  std::size_t refill_from_slabs(void** out, std::size_t count) noexcept {
    const std::lock_guard guard(mutex_);
    return take_from_slabs(out, fair_count(count));
  }

  /// Up to `count` blocks for a class that is draining, the lowest there are: of a slab, or of a new slab in
  /// a chunk that is in use. Returns 0 when upstream or an empty chunk would be needed.
  std::size_t take_while_draining(void** out, std::size_t count) noexcept;

  /// Marks blocks free. Slabs that come to be empty are put before `emptied`, linked by `left`, for
  /// slab_source::give. Blocks that no slab of this class has as used are put into `bad`; returns how many
  /// those are.
  std::size_t flush(void* const* blocks, std::size_t count, slab*& emptied, bad_block* bad) noexcept;

  /// Whether a block of this class starts at `address` that its slab has as used.
  bool uses(const void* address) const noexcept;

  /// Holds at least `blocks` from now on. Throws what upstream throws, and std::bad_alloc where there can't
  /// be so many; then it holds what it held.
  void reserve(std::size_t blocks);
  std::size_t reserved() const noexcept { return reserved_.load(std::memory_order_relaxed); }

  /// True while much of the class is free: then freed blocks should not be handed out again soon, so that
  /// slabs empty.
  bool draining() const noexcept { return draining_.load(std::memory_order_relaxed); }
  /// Whether it should drain from now on.
  bool starts_to_drain() noexcept {
    const std::lock_guard guard(mutex_);
    note_occupancy();
    return draining();
  }

  /// Where free blocks change hands before they come to slabs; null until set_depot.
  depot* depot_or_null() const noexcept { return depot_.load(std::memory_order_acquire); }
  /// False when there is one.
  bool set_depot(depot& d) noexcept {
    depot* expected = nullptr;
    return depot_.compare_exchange_strong(expected, &d, std::memory_order_acq_rel);
  }

  struct counts {
    std::size_t slabs, carved, free;
  };
  counts count() const noexcept;

  /// Calls f(slab) for each slab, under the mutex.
  template <class Function>
  void for_each_slab(Function f) const {
    const std::lock_guard guard(mutex_);
    visit_slabs(f);
  }
  /// Calls f(slab) for the one of the lowest address above `address`, under the mutex; false when there is
  /// none.
  template <class Function>
  bool next_slab(const void* address, Function f) const {
    const std::lock_guard guard(mutex_);
    slab* const next = source_.slab_above(address, class_);
    if (next != nullptr) f(*next);
    return next != nullptr;
  }
  void check_invariants() const;

private:
  enum shelf_kind : std::uint8_t { full, few, many };

  template <class Function>
  void visit_slabs(Function f) const {
    for (slab* s = source_.slab_above(nullptr, class_); s != nullptr; s = source_.slab_above(s->base, class_))
      f(*s);
  }

  static constexpr std::size_t most_worth_a_visit = 8; // free blocks
  static std::size_t worth_a_visit(const slab& s) noexcept;
  shelf_kind shelf_of(const slab& s) const noexcept;
  slab* next_to_serve() const noexcept;
  std::size_t fair_count(std::size_t count) const noexcept;
  std::size_t take_from_slabs(void** out, std::size_t count) noexcept;
  std::size_t take_from_new(slab& s, void** out, std::size_t count) noexcept;
  std::size_t take_from(slab& s, void** out, std::size_t count) noexcept;
  void find_slabs(void* const* blocks, std::size_t count, slab** found) const noexcept;
  static bool is_unsettled(const slab& s) noexcept;
  void settle(slab& s, slab*& emptied) noexcept;
  void note_return(std::size_t blocks, std::size_t touched) noexcept;
  void add(slab& s) noexcept;
  void reshelve(slab& s) noexcept;
  void put_on_shelf(slab& s, shelf_kind shelf) noexcept;
  void take_off_shelf(slab& s) noexcept;
  bool may_go(const slab& s) const noexcept;
  void begin_reserving() noexcept;
  bool reserves(std::size_t blocks) noexcept;
  void end_reserving(slab*& emptied) noexcept;
  void forget_what_failed() noexcept;
  void note_occupancy() noexcept;
  bool has_part_in_vain(bool drains_already) const noexcept;
  bool drains_to_no_end() const noexcept;

  slab_source& source_;
  usage& usage_;
  mutable optional_mutex mutex_;
  address_tree<slab> many_;
  slab_list few_;
  std::size_t slabs_ = 0;
  std::size_t carved_ = 0;
  std::size_t free_ = 0;
  std::size_t least_carved_ = 0;          // while memory is held in vain
  std::size_t came_back_ = 0;             // blocks, since then; eightfold those that lay together
  std::size_t promised_ = 0;              // blocks that were reserved with success
  std::atomic<std::size_t> reserved_ = 0; // that must stay
  std::uint32_t reserving_ = 0;           // calls of reserve() that are under way
  std::atomic<depot*> depot_ = nullptr;
  const std::uint8_t class_;
  std::atomic<bool> draining_ = false;
};

static_assert(sizeof(pool) <= 128,
              "a pool's own memory is two lines: a pool resource of a few requests holds little");

} // namespace quarry::detail
