// The pools of all classes, each made when it is first asked for. Rung 3.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "late.hpp"
#include "pool.hpp"
#include "slab_source.hpp"
#include "usage.hpp"

namespace quarry::detail {

// What is asked of a class that has no pool is answered as for one without a slab. The table is made with the
// first pool; where threads share it, at once.
class pool_set {
public:
  pool_set(slab_source& source, usage& use, bool shared) noexcept
      : source_(source), usage_(use), shared_(shared) {
    if (shared) open();
  }
  /// All pools are there from the start, at `memory`: where there is a limit they might not be had later.
  pool_set(slab_source& source, usage& use, std::byte* memory) noexcept
      : source_(source), usage_(use), shared_(true), of_all_(memory) {
    open();
    make_all();
  }
  static constexpr std::size_t bytes_of_all = size_class_count * sizeof(pool);

  /// Null when there is none.
  pool* find(size_class c) const noexcept { return (*pools_)[c].load(std::memory_order_acquire); }
  /// Makes it if there is none. Throws what upstream throws, and then nothing has changed.
  pool& of(size_class c) {
    pool* const p = find(c);
    return p != nullptr ? *p : make(c);
  }

  std::size_t reserved(size_class c) const noexcept {
    const pool* const p = find(c);
    return p == nullptr ? 0 : p->reserved();
  }
  bool draining(size_class c) const noexcept {
    const pool* const p = find(c);
    return p != nullptr && p->draining();
  }
  /// The same, after a look at what is held in vain.
  bool drains(size_class c) noexcept {
    pool* const p = find(c);
    return p != nullptr && (p->draining() || (source_.should_drain() && p->starts_to_drain()));
  }
  /// Whether there are slabs of class `c`, which neither drains nor has a reservation.
  bool is_plain(size_class c) const noexcept {
    const pool* const p = find(c);
    return p != nullptr && !p->draining() && p->reserved() == 0;
  }
  /// Whether a slab of class `c` has a free block.
  bool has_free(size_class c) const noexcept {
    const pool* const p = find(c);
    return p != nullptr && p->count().free != 0;
  }

  /// Calls f(slab) for each slab of class `c`, under the class's mutex.
  template <class Function>
  void for_each_slab(size_class c, Function f) const {
    if (const pool* const p = find(c)) p->for_each_slab(f);
  }
  template <class Function>
  void for_each_slab(Function f) const {
    for (size_class c = 0; c < size_class_count; ++c) for_each_slab(c, f);
  }
  /// See pool::next_slab.
  template <class Function>
  bool next_slab(size_class c, const void* address, Function f) const {
    const pool* const p = find(c);
    return p != nullptr && p->next_slab(address, f);
  }

  /// There is none any more, or they are new; their memory is the slab source's to give back.
  void remove_all() noexcept;
  void check_invariants() const;

private:
  using table = std::array<std::atomic<pool*>, size_class_count>;
  static constexpr table no_pools{};

  void open() noexcept { pools_ = &table_.make(); }
  pool& make(size_class c);
  void make_all() noexcept;

  slab_source& source_;
  usage& usage_;
  const table* pools_ = &no_pools; // or the table, once it is made
  late<table> table_;
  const bool shared_;
  std::byte* const of_all_ = nullptr;
};

} // namespace quarry::detail
