// Where slabs come from: chunks obtained from upstream, divided among the classes, kept a while, given back.
// Rung 2.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>

#include "block_record.hpp"
#include "bookkeeping.hpp"
#include "chunk.hpp"
#include "chunk_tree.hpp"
#include "descriptor_store.hpp"
#include "retention.hpp"
#include "slab_length.hpp"
#include "slab_map.hpp"
#include "thrift.hpp"

namespace quarry::detail {

/// What a slab source may do; fixed for its life.
struct slab_source_limits {
  std::uint32_t first_chunk = 1024;
  std::uint32_t largest_chunk = 65536;
  std::uint32_t blocks_per_chunk =
      largest_chunk / 8; ///< below what fits a chunk, a chunk serves one class only
  std::uint16_t blocks_per_slab = slab::most_blocks;
  std::uint16_t spare_bookkeeping = 0;   ///< to be at hand for try_take_bookkeeping, once much is held
  bookkeeping* recorded_slabs = nullptr; ///< where slabs with records have their memory, if they have any
};

// A slab is cut where the hole is filled best: in the chunk whose longest free run is the shortest that will
// do, of equals the lowest, so that large blocks find the others and high chunks come to be empty.
//
//   idle = bytes of the chunks without a slab
//   bytes of all chunks = Σ bytes of slabs + Σ free bytes
//
// A slab with records stays in the slots of its units when it comes back, so that a block of it that is freed
// once more is known, until another slab is carved there.
/// Synchronized by its own mutex, which is never held over an upstream call.
class slab_source {
public:
  slab_source(upstream& up, usage& use, slab_source_limits limits, bool shared,
              std::size_t retained = retention::by_use) noexcept
      : up_(up), usage_(use), limits_(limits), mutex_(shared), shared_(shared), retention_(use, retained),
        thrift_(up, use, shared, recorded(), retention_.fixed()), bookkeeping_(recorded() ? 7 : 9) {}

  /// An untouched slab of class `c`, in proportion to what the class has. Throws what upstream throws.
  slab& take(size_class c, std::size_t class_bytes);

  /// The same from the lowest chunk in use that has room, if that is below the one that `above` lies in; or
  /// null.
  slab* take_below(const slab* above, size_class c, std::size_t class_bytes) noexcept;

  /// Takes back empty slabs, linked by `left`; returns how many. Calls nobody.
  std::size_t give(slab* first) noexcept;

  /// Does what is due by the count of frees; gives at most two chunks upstream, or where a number of bytes
  /// may be retained as many as `slabs` came back.
  void tick(std::size_t slabs = 0) noexcept {
    const std::size_t idle = idle_;
    if ((idle != 0 && idle > allowed_idle()) || retention_.period_is_over()) advance(slabs);
  }

  std::size_t idle() const noexcept { return idle_; } ///< bytes of empty chunks

  /// True once after each period at whose end more than a third of what is held was not used.
  bool magazines_are_stale() noexcept {
    return stale_.load(std::memory_order_relaxed) && stale_.exchange(false, std::memory_order_relaxed);
  }

  /// True at most once a period: there is no room, though a ninth of what slabs take is free in them. Then
  /// it may be a few blocks in magazines that keep them from being empty.
  bool magazines_may_pin_room() noexcept {
    constexpr std::size_t little = 65536;
    return free_ < little && unflushed_.load(std::memory_order_relaxed) && thrift_.is_free_in_slabs(free_) &&
           unflushed_.exchange(false, std::memory_order_relaxed);
  }

  /// True while frees must be seen for kept memory to be forgotten.
  bool settling() const noexcept {
    return settling_.load(std::memory_order_relaxed) || thrift_.may_hold_in_vain();
  }

  /// Whether classes should drain, see thrift.
  bool should_drain() noexcept { return thrift_.should_drain(); }
  /// True while empty units in chunks that are not empty make up much: then used slabs are scattered.
  bool scattered() const noexcept {
    const std::size_t free = free_; // one may have changed since the other was read
    return thrift_.is_much_scattered(free - std::min<std::size_t>(free, idle_));
  }
  /// Whether slabs of a class that drains should be carved in lower chunks than those it has. In large
  /// regions, which hold what there is, that would not help.
  bool places_low() const noexcept { return usage_.has_fallen() && !recorded() && scattered(); }

  /// Gives empty chunks upstream while at least `keep_bytes` of them remain. Returns the bytes given.
  std::size_t trim(std::size_t keep_bytes) noexcept;

  /// Takes everything away, used or not, to be given upstream. No slab and no piece of bookkeeping is alive
  /// afterwards.
  struct everything {
    chunk_tree chunks;
    slab_map::table* maps;
    bookkeeping pieces, recorded_slabs;
    descriptor_store slabs, chunk_descriptors;
  };
  everything remove_all() noexcept;
  void give_back(everything&) noexcept;

  slab* find(const void* address) const noexcept { return map_.find(address); }
  slab_map::unit_slot slot_of(const void* address) const noexcept { return map_.slot_of(address); }
  /// Whether a slab has `address`, which may be any.
  bool owns(const void* address) const noexcept {
    const std::lock_guard guard(mutex_);
    return map_.find(address) != nullptr;
  }
  /// The chunk that a slab which is there lies in.
  const chunk& chunk_of(const slab& s) const noexcept { return map_.chunk_of(s.base); }

  /// A piece of bookkeeping memory that lives until all is released. Throws what upstream throws.
  void* take_bookkeeping(std::size_t bytes);
  /// The same without calling upstream; may return null.
  void* try_take_bookkeeping(std::size_t bytes) noexcept;
  void give_bookkeeping(void* piece, std::size_t bytes) noexcept;

  /// The slab of the lowest address above `address` that the pool of class `c` has, or null. For who holds
  /// that pool's mutex.
  slab* slab_above(const void* address, size_class c) const noexcept;

  std::size_t chunk_count() const noexcept { return chunks_; }

  std::size_t bytes_of(const slab& s) const noexcept; ///< address space of a slab, its unused end included
  std::size_t bytes_in_slabs() const noexcept;

  /// Calls f(chunk) for each chunk, under the mutex.
  template <class Function>
  void for_each_chunk(Function f) const {
    const std::lock_guard guard(mutex_);
    chunks_by_room_.for_each(f);
  }
  void check_invariants() const;

  /// Whether a chunk serves one class only, lest more blocks are ever carved from it than there may be.
  bool bounded() const noexcept { return limits_.blocks_per_chunk < limits_.largest_chunk / 8; }

private:
  // A run of units for a slab.
  struct run { // two words, so that it is returned in registers
    chunk* in = nullptr;
    std::uint16_t blocks = 0;
    std::uint8_t first = 0;
    std::uint8_t units = 0;

    std::size_t bytes() const noexcept { return std::size_t{units} << in->unit_shift; }
  };
  static constexpr std::size_t least_held_for_stores = 65536; // a small pool has all bookkeeping in one place
  static constexpr size_class class_of_slabs = size_class_of(sizeof(slab), alignof(slab));
  static constexpr size_class class_of_chunks = size_class_of(chunk::descriptor_bytes(65536), alignof(chunk));

  bool has_readers() const noexcept { return shared_; } // of the address map, without the lock
  bool recorded() const noexcept { return limits_.recorded_slabs != nullptr; }
  std::size_t slab_bytes(std::size_t blocks) const noexcept;
  std::uint32_t most_blocks() const noexcept { // of a slab
    return std::min<std::uint32_t>(limits_.blocks_per_slab, limits_.blocks_per_chunk);
  }
  std::size_t descriptor_bytes(std::size_t chunk_bytes) const noexcept;
  void* take_slab_memory(std::size_t bytes) noexcept;
  bool has_slab_memory(std::size_t bytes) const noexcept;
  void give_slab_memory(slab& s) noexcept;
  void* take_descriptor(std::size_t bytes) noexcept;
  void* take_from_bookkeeping(std::size_t bytes) noexcept;
  void give_descriptor(void* descriptor, std::size_t bytes) noexcept;
  // How memory that was obtained without the lock is added under it.
  auto locked() noexcept {
    return [this](auto add) {
      const std::lock_guard guard(mutex_);
      add();
    };
  }
  bool uses_stores() const noexcept { return !recorded() && up_.held() >= least_held_for_stores; }
  slab_wish wish_for(size_class c, std::size_t class_bytes) const noexcept;
  slab_wish wish_for_segments(size_class c, std::size_t class_bytes) const noexcept;
  std::size_t power_within(std::size_t share, std::size_t block, std::size_t least,
                           std::size_t most) const noexcept;
  slab* try_take(const slab_wish& w, std::size_t* lacking = nullptr) noexcept;
  bool shrink(slab_wish& w, std::size_t& largest_chunk) const noexcept;
  slab* take_last(const slab_wish& w, std::size_t chunk_bytes, bool room_lacks_description);
  slab* take_anywhere(const slab_wish& w) noexcept;
  run find_run(const slab_wish& w) const noexcept;
  run find_empty_run(const slab_wish& w) const noexcept;
  run find_best_run(const slab_wish& w, std::uint64_t rooms) const noexcept;
  run find_dedicated(const slab_wish& w) const noexcept;
  run find_lowest_run(const slab_wish& w, const std::byte* below) const noexcept;
  run find_describable(const slab_wish& w) const noexcept;
  run find_former(size_class c) const noexcept;
  bool has_former(const run& r) const noexcept;
  bool can_describe(const run& r) const noexcept;
  std::size_t list_for(std::size_t blocks) const noexcept { return bookkeeping::list_of(slab_bytes(blocks)); }
  std::size_t description_at_hand(std::size_t blocks) const noexcept;
  void forget_formers() noexcept;
  slab* take_described_otherwise(const slab_wish& w) noexcept;
  run fit(chunk& c, const slab_wish& w) const noexcept;
  std::size_t blocks_within(std::size_t bytes, size_class c) const noexcept {
    return std::min(static_cast<std::uint32_t>(bytes) / block_sizes[c], most_blocks());
  }
  // Units that no block would reach into stay free.
  static run run_at(chunk& c, std::size_t first, std::size_t blocks, size_class block_class) noexcept {
    return {&c, static_cast<std::uint16_t>(blocks), static_cast<std::uint8_t>(first),
            static_cast<std::uint8_t>(c.units_for(blocks * block_sizes[block_class]))};
  }
  static run run_of(chunk& c, const slab& s) noexcept {
    return run_at(c, static_cast<std::size_t>(s.base - c.base) >> c.unit_shift, s.blocks, s.block_class());
  }
  slab* make(const run& r, size_class c, std::size_t* lacking) noexcept;
  slab& carve(const run& r, slab& s, size_class c, std::size_t list) noexcept;
  void forget(chunk& c, std::size_t first_unit, std::size_t units) noexcept;

  std::span<std::byte> grow(const slab_wish& w, std::size_t largest_chunk, std::size_t lacking);
  void* prepare_for_chunk(const slab_wish& w, std::size_t bytes);
  bool is_soon_written(size_class c, std::size_t chunk_bytes) const noexcept;
  std::size_t spare_bookkeeping() const noexcept;
  std::size_t first_slab_bytes(const slab_wish& w, std::size_t chunk_bytes) const noexcept;
  void grow_bookkeeping(std::size_t bytes);
  void grow_slab_memory(std::size_t bytes);
  void grow_descriptors(std::size_t bytes);
  std::size_t next_chunk_bytes(const slab_wish& w, std::size_t largest_chunk) const noexcept;
  void add(void* descriptor, void* memory, std::size_t bytes, size_class c) noexcept;

  void return_units(slab& s) noexcept;
  std::size_t allowed_idle() const noexcept;
  chunk* remove_surplus(std::size_t allowed, std::size_t least_left) noexcept;
  bool give_surplus() noexcept;
  void advance(std::size_t slabs) noexcept;
  std::size_t give_upstream(chunk& c) noexcept;
  std::size_t give_empty_block(descriptor_store& of) noexcept;
  void note_idle() noexcept;
  void check_unit(const chunk& c, std::size_t unit) const;

  upstream& up_;
  usage& usage_;
  const slab_source_limits limits_;
  mutable optional_mutex mutex_;
  relaxed<std::size_t> chunks_;
  const bool shared_;
  std::atomic<bool> settling_ = false;
  std::atomic<bool> stale_ = false;
  std::atomic<bool> unflushed_ = true; // for want of room, in this period
  relaxed<std::size_t> idle_;
  relaxed<std::size_t> free_; // bytes of free units, those of empty chunks included
  chunk_tree chunks_by_room_;
  retention retention_;
  thrift thrift_;
  bookkeeping bookkeeping_; // what stays until all is released, and all of a small pool
  descriptor_store slabs_{class_of_slabs};
  descriptor_store chunk_descriptors_{class_of_chunks}; // of the usual size
  slab_map map_;
};

} // namespace quarry::detail
