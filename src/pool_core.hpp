// The core of a pool resource: routes requests to the pools of the classes, or upstream. Rung 4.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <mutex>

#include "nursery.hpp"
#include "oversized.hpp"
#include "pool.hpp"
#include "quarantine.hpp"
#include "slab_source.hpp"
#include "upstream.hpp"
#include "usage.hpp"
#include <quarry/magazine.hpp>
#include <quarry/statistics.hpp>

namespace quarry::detail {

/// Options as they are in force: zeros replaced by defaults, limits applied, the largest block rounded up to
/// a class.
std::pmr::pool_options normalized(std::pmr::pool_options) noexcept;

/// Everything a pool resource has but its magazines. Memory is obtained lazily; the constructor calls nobody.
class pool_core {
public:
  static constexpr std::size_t most_at_once = pool::most_at_once;

  pool_core(std::pmr::pool_options options, std::pmr::memory_resource* up, bool shared) noexcept;
  /// One whose blocks have records, for segments: chunks are regions of `slab_size` bytes or less, empty ones
  /// are kept up to `retained` bytes, `limit` bounds what is held.
  struct recorded {
    std::size_t slab_size, largest_block, limit, retained;
    region_keeper& regions;
    bookkeeping& slabs;
  };
  pool_core(const recorded&, std::pmr::memory_resource* up) noexcept;
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;
  ~pool_core();

  std::pmr::memory_resource* upstream_resource() const noexcept { return upstream_.resource(); }
  std::pmr::pool_options options() const noexcept { return options_; }

  /// Whether the request that ends at offset `last` is pooled, else it is oversized. See last_byte_of.
  bool pooled(std::size_t last, std::size_t alignment) const noexcept {
    return last < options_.largest_required_pool_block && alignment <= granule;
  }

  // Where blocks have records, a block is given and taken as its record from here to flush_class().

  /// Takes 1 to `count` ≤ most_at_once blocks. Throws what upstream throws, and then nothing has changed.
  std::size_t refill(size_class c, void** out, std::size_t count) {
    pool* const p = pools_[c].load(std::memory_order_acquire);
    if (p == nullptr && refill_from_nursery(c, out)) return 1;
    const std::size_t taken = (p != nullptr ? *p : make_pool(c)).refill(out, count);
    if (recorded_) to_records(out, taken);
    return taken;
  }

  /// The same without calling upstream; may return 0.
  std::size_t refill_from_slabs(size_class c, void** out, std::size_t count) noexcept;

  /// See pool::take_while_draining.
  std::size_t take_while_draining(size_class c, void** out, std::size_t count) noexcept {
    const std::size_t taken = pools_[c].load(std::memory_order_acquire)->take_while_draining(out, count);
    if (recorded_) to_records(out, taken);
    return taken;
  }

  // For a pool that has no magazines yet.

  /// A block of class `c`. Throws what upstream throws, and then nothing has changed.
  void* allocate_early(size_class c);
  /// What is tried before all else. A block for the request that ends at offset `last`, whether it is pooled
  /// or not, or null. Expects the early mutex to be held.
  void* allocate_in_nursery(std::size_t last) noexcept {
    if (last >= nursery_.limit()) return nullptr;
    const size_class c = size_class_of_last(last);
    void* const block = nursery_.allocate_above(c);
    if (block != nullptr) usage_.add(block_sizes[c]);
    return block;
  }
  /// False when no block of class `c` that is in use starts there in the nursery, whatever it is. Expects the
  /// early mutex to be held.
  bool deallocate_in_nursery(size_class c, const void* block) noexcept {
    if (!nursery_.deallocate(c, block)) return false;
    usage_.subtract(block_sizes[c]);
    return true;
  }
  /// The same for a pool that threads share, which lock.
  void* allocate_in_nursery_shared(std::size_t last) noexcept;
  bool deallocate_in_nursery_shared(size_class c, const void* block) noexcept;
  /// The pool has magazines from now on.
  void close_nursery() noexcept;

  /// Takes up to `count` blocks that another thread handed on.
  std::size_t take_from_depot(size_class c, void** out, std::size_t count) noexcept;
  bool has_room_in_depot(size_class c, std::size_t count) const noexcept {
    const depot* const d = depot_of(c);
    return d != nullptr && d->count() + count <= d->room();
  }
  /// Hands blocks on as far as there is room for them; returns how many.
  std::size_t put_into_depot(size_class c, void* const* blocks, std::size_t count) noexcept;
  /// Whether there are slabs of class `c`, which neither drains nor has a reservation.
  bool is_plain(size_class c) const noexcept {
    const pool* const p = pools_[c].load(std::memory_order_acquire);
    return p != nullptr && !p->draining() && p->reserved() == 0;
  }
  /// Depots may have more room than there is now, since less is used than once was: then one of them gives
  /// way.
  void see_to_depots() noexcept;
  /// Counts the sets of magazines that there are, threads' and those that they left.
  void add_set() noexcept { sets_.fetch_add(1, std::memory_order_relaxed); }
  void remove_set() noexcept { sets_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t sets() const noexcept { return sets_.load(std::memory_order_relaxed); }
  static constexpr std::size_t depot_bytes = 1024; ///< at most
  /// Whether blocks may go from thread to thread.
  bool hands_on() const noexcept { return sets() > 1; }
  /// Lets blocks of class `c` be handed on from now on, if it has many and there is memory.
  void make_depot(size_class c) noexcept;

  /// Gives blocks of class `c` back to their slabs; bad ones are reported and dropped. Never allocates.
  void flush(size_class c, void* const* blocks, std::size_t count) noexcept;

  /// The first half of flush, which calls nobody, for use under a lock; collects for finish().
  struct flushed {
    static constexpr std::size_t most_bad = 64;
    slab* emptied = nullptr;
    bool some = false;     // blocks went to slabs
    bool reserved = false; // blocks of a class with a reservation are among them
    std::size_t bad_count = 0;
    struct {
      bad_block block;
      size_class c;
    } bad[most_bad];
  };
  void flush_into(flushed& f, size_class c, void* const* blocks, std::size_t count) noexcept;
  /// The same of a class without reservation; there may be more room from now on.
  std::size_t put_into_depot(flushed& f, size_class c, void* const* blocks, std::size_t count) noexcept;
  /// Flushes every magazine of a set; its owner must be out.
  void flush_set(flushed& f, magazine_set& set) noexcept;
  void flush_class(flushed& f, magazine_set& set, size_class c) noexcept;
  /// Hands on what there is room for, and flushes the rest.
  void hand_on_set(flushed& f, magazine_set& set) noexcept;
  void hand_on_class(flushed& f, magazine_set& set, size_class c) noexcept;
  /// Flushes what lies between magazines and slabs.
  void flush_depots(flushed& f) noexcept;
  void flush_depot(flushed& f, size_class c) noexcept;
  void flush_depot(size_class c) noexcept;
  /// The second half. `keep_chunks`: gives no chunk upstream.
  void finish(flushed& f, bool keep_chunks = false) noexcept;

  /// Of one class. Segments are large and go from thread to thread: more of them at a time.
  static constexpr std::size_t magazine_bytes = 65536;
  std::size_t most_magazine_bytes() const noexcept { return recorded_ ? 4 * magazine_bytes : magazine_bytes; }

  bool draining(size_class c) const noexcept {
    const pool* const p = pools_[c].load(std::memory_order_acquire);
    return p != nullptr && p->draining();
  }
  /// The same, after a look at what is held in vain.
  bool drains(size_class c) noexcept {
    pool* const p = pools_[c].load(std::memory_order_acquire);
    return p != nullptr && (p->draining() || (source_.should_drain() && p->starts_to_drain()));
  }

  /// True while frees must be seen for kept memory to be forgotten, see slab_source.
  bool settling() const noexcept { return source_.settling(); }
  void note_freed(size_class c) noexcept {
    usage_.note_freed(block_sizes[c]);
    if (reserved(c) == 0) source_.tick();
  }
  void note_freed_bytes(std::size_t bytes) noexcept {
    usage_.note_freed(bytes);
    source_.tick();
  }

  /// True once after each period at whose end very much is held in vain: then magazines should be flushed.
  bool magazines_are_stale() noexcept { return source_.magazines_are_stale(); }

  oversized& large() noexcept { return oversized_; }
  const oversized& large() const noexcept { return oversized_; }
  /// Frees an oversized block; one that is none is reported and dropped.
  void deallocate_oversized(void* p, std::size_t bytes, std::size_t alignment) noexcept;

  void reserve(size_class c, std::size_t blocks) { pool_of(c).reserve(blocks); }
  std::size_t reserved(size_class c) const noexcept;
  bool has_free(size_class c) const noexcept; ///< whether a slab of class `c` has a free block
  void trim(std::size_t keep_bytes) noexcept {
    flush_quarantine();
    if (keep_bytes == 0) give_empty_nursery();
    source_.trim(keep_bytes);
  }
  void release_all() noexcept;

  std::size_t good_size(std::size_t bytes, std::size_t alignment) const noexcept;

  /// The class of a pooled request.
  size_class class_of(std::size_t bytes, std::size_t alignment) const noexcept;

  // While memory is poisoned, in place of magazines, refill and flush: one block at a time, see poison.hpp
  // and quarantine.hpp.

  /// A block of class `c`, of which `bytes` may be touched, or its record. Throws what upstream throws.
  void* allocate_poisoned(size_class c, std::size_t bytes);
  /// Takes it back; a bad one is reported and dropped.
  void deallocate_poisoned(size_class c, void* block) noexcept;
  /// Gives the blocks that are kept back to their slabs.
  void flush_quarantine() noexcept;
  /// Writes the addresses of those blocks to `out` as far as there is room; returns how many there are.
  std::size_t list_quarantine(const void** out, std::size_t room) const noexcept;
  /// The same for blocks in depots.
  std::size_t list_depots(const void** out, std::size_t room) const noexcept;
  std::size_t count_depot(size_class c) const noexcept;
  std::array<std::size_t, size_class_count> count_quarantine() const noexcept;

  bool owns(const void* address) const noexcept {
    return nursery_.spans(address) || source_.owns(address) || oversized_.owns(address);
  }
  slab* find(const void* address) const noexcept { return source_.find(address); }
  const chunk& chunk_of(const slab& s) const noexcept { return source_.chunk_of(s); }
  upstream& door() noexcept { return upstream_; }
  const upstream& door() const noexcept { return upstream_; }

  /// Calls f(slab) for each slab of class `c`, under the class's mutex.
  template <class Function>
  void for_each_slab(size_class c, Function f) const {
    if (const pool* const p = pools_[c].load(std::memory_order_acquire)) p->for_each_slab(f);
  }
  /// See pool::next_slab.
  template <class Function>
  bool next_slab(size_class c, const void* address, Function f) const {
    const pool* const p = pools_[c].load(std::memory_order_acquire);
    return p != nullptr && p->next_slab(address, f);
  }
  std::size_t bytes_given() const noexcept { return upstream_.given(); }
  std::size_t bytes_used() const noexcept { return usage_.used(); }
  /// Whether memory is worth more than time: where much more was used once.
  bool is_thrifty() const noexcept { return usage_.has_fallen() && !recorded_; }
  /// What magazines may hold: a share of what is used; while little is used a sixth, up to `least`.
  std::size_t room_for_magazines(std::size_t least, std::size_t share) const noexcept {
    constexpr std::size_t little = 65536;
    if (recorded_) return std::max(least, share);
    return std::max(is_thrifty() ? little : std::min(std::max(bytes_used() / 6, 3 * little), least), share);
  }

  /// `cached` says how many blocks of each class lie in magazines.
  pool_statistics statistics(const std::array<std::size_t, size_class_count>& cached) const noexcept;

  /// Calls f(slab, its bytes) for each slab, under the mutex of its class, or f(chunk), under the source's.
  template <class Function>
  void for_each_slab(Function f) const {
    for (const auto& slot : pools_)
      if (const pool* const p = slot.load(std::memory_order_acquire))
        p->for_each_slab([&](const slab& s) { f(s, source_.bytes_of(s)); });
  }
  template <class Function>
  void for_each_chunk(Function f) const {
    source_.for_each_chunk(f);
  }
  /// Calls f(block, class, its bytes) for each block in the nursery, under its mutex.
  template <class Function>
  void for_each_in_nursery(Function f) const {
    const std::lock_guard guard(early_mutex_);
    nursery_.for_each(f);
  }
  const std::byte* nursery_memory() const noexcept { return nursery_.memory(); } ///< or null

  /// Throws std::logic_error when slabs, chunks or pools are not as their equations say.
  void check_invariants() const;
  /// Throws std::logic_error when a block in a magazine is not one of its class that its slab has as used.
  void check_set(const magazine_set& set) const;

private:
  pool& pool_of(size_class c) {
    pool* const p = pools_[c].load(std::memory_order_acquire);
    return p != nullptr ? *p : make_pool(c);
  }
  pool& make_pool(size_class c);
  void to_records(void** blocks, std::size_t count) const noexcept;
  void* address_of(void* block_or_record) const noexcept;
  quarantine& the_quarantine();
  depot* depot_of(size_class c) const noexcept {
    const pool* const p = pools_[c].load(std::memory_order_acquire);
    return p == nullptr ? nullptr : p->shared_blocks();
  }
  std::size_t room_of_depots() const noexcept;
  void enlarge(flushed& f, depot& d, size_class c, std::size_t more) noexcept;
  void look_at_next_depot(flushed& f) noexcept;
  void lower(flushed& f, size_class c, std::size_t room) noexcept;
  const char* wrong_with_cached(size_class c, void* in_slot) const noexcept;
  void check_depots() const;
  void check_nursery() const;
  std::size_t largest_in_nursery() const noexcept {
    return recorded_ || options_.max_blocks_per_chunk < nursery::units ? 0
                                                                       : options_.largest_required_pool_block;
  }
  void open_nursery(size_class c) noexcept;
  bool refill_from_nursery(size_class c, void** out) noexcept;
  std::size_t flush_to_nursery(size_class c, bad_block* blocks, std::size_t count) noexcept;
  void give_empty_nursery() noexcept;
  size_class class_in_nursery(const void* block) const noexcept; ///< see nursery::class_at
  bool slabs_agree() const noexcept;
  void check_quarantine() const;
  void report_bad(const bad_block& bad, size_class c) noexcept;

  const std::pmr::pool_options options_;
  const bool shared_;
  const bool recorded_ = false;
  const bool may_have_depots_;
  std::atomic<std::uint32_t> sets_ = 0;
  upstream upstream_;
  usage usage_;
  slab_source source_;
  oversized oversized_;
  std::atomic<std::size_t> dropped_ = 0;
  std::atomic<std::size_t> depot_room_bytes_ = 0; // Σ room · block size of the depots
  std::atomic<std::size_t> next_looked_at_ = 0;   // a depot, modulo their number
  std::array<std::atomic<pool*>, size_class_count> pools_{};
  mutable optional_mutex early_mutex_;
  nursery nursery_{largest_in_nursery()};
  std::atomic<quarantine*> quarantine_ = nullptr; // made by the first allocation while memory is poisoned
};

} // namespace quarry::detail
