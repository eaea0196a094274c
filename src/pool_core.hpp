// The core of a pool resource: routes requests to the pools of the classes, or upstream. Rung 4.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory_resource>
#include <mutex>

#include "cached_room.hpp"
#include "depot_set.hpp"
#include "nursery.hpp"
#include "oversized.hpp"
#include "pool_set.hpp"
#include "quarantine.hpp"
#include "slab_source.hpp"
#include "upstream.hpp"
#include "usage.hpp"
#include <quarry/statistics.hpp>
#include <quarry/violation.hpp>

namespace quarry::detail {

/// Options as they are in force: zeros replaced by defaults, limits applied, the largest block rounded up to
/// a class.
std::pmr::pool_options normalized(std::pmr::pool_options) noexcept;

/// A pool of a few requests does without magazines: cold calls count, those to the nursery least.
inline constexpr std::size_t calls_before_magazines = 256, slab_call = 8;

/// Everything a pool resource has but its magazines. Memory is obtained lazily; the constructor calls nobody.
class pool_core {
public:
  static constexpr std::size_t most_at_once = pool::most_at_once;

  pool_core(std::pmr::pool_options options, std::pmr::memory_resource* up, bool shared) noexcept;
  /// One whose blocks have records, for segments: chunks are regions of `slab_size` bytes or less, empty ones
  /// are kept up to `retained` bytes, `limit` bounds what is held. `pools` is memory for those of all
  /// classes.
  struct recorded {
    std::size_t slab_size, largest_block, limit, retained;
    region_keeper& regions;
    bookkeeping& slabs;
    std::byte* pools;
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

  // Where blocks have records, all that follows gives and takes records, up to owns().

  /// Takes 1 to `count` ≤ most_at_once blocks. Throws what upstream throws, and then nothing has changed.
  std::size_t refill(size_class c, void** out, std::size_t count);

  /// The same without calling upstream; may return 0.
  std::size_t refill_from_slabs(size_class c, void** out, std::size_t count) noexcept;

  /// See pool::take_while_draining.
  std::size_t take_while_draining(size_class c, void** out, std::size_t count) noexcept {
    const std::size_t taken = pools_.find(c)->take_while_draining(out, count);
    if (recorded_) to_records(out, taken);
    return taken;
  }

  // For a pool that has no magazines yet.

  /// What is tried before all else. A block for the request that ends at offset `last`, whether it is pooled
  /// or not, or null. Expects the early mutex to be held.
  void* allocate_in_nursery(std::size_t last) noexcept {
    if (last >= nursery_.limit()) return nullptr;
    const size_class c = size_class_of_last(last);
    void* const block = nursery_.allocate_in_window(c);
    if (block != nullptr) usage_.add_early(block_sizes[c]);
    return block;
  }
  /// False when no block for such a request that is in use starts there in the nursery, whatever it is.
  /// Expects the early mutex to be held.
  bool deallocate_in_nursery(std::size_t last, const void* block) noexcept {
    return last < nursery::largest_block && give_to_nursery(size_class_of_last(last), block);
  }
  /// The same in few steps, which call nobody, so that most frees of a small pool need no frame; false, too,
  /// where that takes more.
  bool deallocate_near_window(std::size_t last, const void* block) noexcept {
    if (last >= nursery::largest_block) return false;
    const size_class c = size_class_of_last(last);
    if (!nursery_.deallocate_near_window(c, block)) return false;
    usage_.subtract_early(block_sizes[c]);
    return true;
  }
  /// The same for a pool that threads share, which lock.
  void* allocate_in_nursery_shared(std::size_t last) noexcept;
  bool deallocate_in_nursery_shared(std::size_t last, const void* block) noexcept;
  /// Takes a block back from a caller that has no magazine for it.
  void deallocate(size_class c, void* block) noexcept;

  /// Gives blocks of class `c` back to their slabs; bad ones are reported and dropped. Never allocates.
  void flush(size_class c, void* const* blocks, std::size_t count) noexcept;

  /// The first half of flush, which calls nobody, for use under a lock; collects for finish().
  struct flushed {
    static constexpr std::size_t most_bad = 64;
    slab* emptied = nullptr;
    bool some = false;                       // blocks went to slabs
    bool reserved = false;                   // blocks of a class with a reservation are among them
    std::size_t bad_count = 0, unlisted = 0; // bad blocks, and those beyond most_bad
    struct {
      const void* address;
      size_class c;
      violation_kind kind;
    } bad[most_bad];
  };
  void flush_into(flushed& f, size_class c, void* const* blocks, std::size_t count) noexcept;
  /// Hands on what there is or will be room for, of a class without reservation; returns how many.
  std::size_t put_into_depot(flushed& f, size_class c, void* const* blocks, std::size_t count) noexcept;
  /// Flushes what lies between magazines and slabs.
  void flush_depots(flushed& f) noexcept;
  void flush_depot(flushed& f, size_class c) noexcept;
  void flush_depot(size_class c) noexcept;
  /// Depots may have more room than there is now, since less is used than once was: then one of them gives
  /// way.
  void see_to_depots() noexcept;
  /// The second half. `keep_chunks`: gives no chunk upstream.
  void finish(flushed& f, bool keep_chunks = false) noexcept;

  /// True while frees must be seen for kept memory to be forgotten, see slab_source.
  bool settling() const noexcept { return source_.settling(); }
  void note_freed(size_class c) noexcept {
    usage_.note_freed(block_sizes[c]);
    if (pools_.reserved(c) == 0) source_.tick();
  }
  void note_freed_bytes(std::size_t bytes) noexcept {
    usage_.note_freed(bytes);
    source_.tick();
  }

  /// True once after each period at whose end very much is held in vain: then magazines should be flushed.
  bool magazines_are_stale() noexcept { return source_.magazines_are_stale(); }
  /// True at most once a period, before upstream is asked for what magazines may keep from being free.
  bool magazines_may_pin_room() noexcept { return source_.magazines_may_pin_room(); }

  oversized& large() noexcept { return oversized_; }
  /// Frees an oversized block; one that is none is reported and dropped.
  void deallocate_oversized(void* p, std::size_t bytes, std::size_t alignment) noexcept;

  /// Returns the bytes given back.
  std::size_t trim(std::size_t keep_bytes) noexcept {
    flush_quarantine();
    const std::size_t given = source_.trim(keep_bytes);
    return given + give_empty_nursery(keep_bytes - std::min(keep_bytes, source_.idle()));
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
  std::array<std::size_t, size_class_count> count_quarantine() const noexcept;

  bool owns(const void* address) const noexcept {
    return nursery_.spans(address) || source_.owns(address) || oversized_.owns(address);
  }
  slab* find(const void* address) const noexcept { return source_.find(address); }
  const chunk& chunk_of(const slab& s) const noexcept { return source_.chunk_of(s); }
  upstream& door() noexcept { return upstream_; }
  const upstream& door() const noexcept { return upstream_; }

  pool_set& pools() noexcept { return pools_; }
  const pool_set& pools() const noexcept { return pools_; }
  depot_set& depots() noexcept { return depots_; }
  const depot_set& depots() const noexcept { return depots_; }
  cached_room& room() noexcept { return room_; }

  /// `cached` says how many blocks of each class lie in magazines; `least` is the least class that is served.
  pool_statistics statistics(const std::array<std::size_t, size_class_count>& cached,
                             size_class least = 0) const noexcept;

  /// Calls f(slab, its bytes) for each slab, under the mutex of its class, or f(chunk), under the source's.
  template <class Function>
  void for_each_slab(Function f) const {
    pools_.for_each_slab([&](const slab& s) { f(s, source_.bytes_of(s)); });
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
  /// Calls f(address, bytes) for each piece of it, under its mutex.
  template <class Function>
  void for_each_piece_of_nursery(Function f) const {
    const std::lock_guard guard(early_mutex_);
    nursery_.for_each_piece(f);
  }

  /// Throws std::logic_error when slabs, chunks or pools are not as their equations say.
  void check_invariants() const;
  /// What is wrong with a block in a magazine or depot of class `c`, which its slab has as used; or null.
  const char* wrong_with_cached(size_class c, void* in_slot) const noexcept;

private:
  void to_records(void** blocks, std::size_t count) const noexcept;
  void* address_of(void* block_or_record) const noexcept;
  quarantine& the_quarantine();
  void lower(flushed& f, depot_set::surplus s) noexcept;
  void check_depots() const;
  void check_nursery() const;
  void close_nursery() noexcept;
  void grow_nursery(size_class c) noexcept;
  std::size_t refill_from_nursery(size_class c, void** out, std::size_t count) noexcept;
  std::size_t take_from_nursery(size_class c, void** out, std::size_t count) noexcept;
  void* take_last_of_nursery(size_class c) noexcept;
  std::size_t give_upstream(const nursery::pieces_of_memory& pieces) noexcept;
  bool give_to_nursery(size_class c, const void* block) noexcept {
    if (!nursery_.deallocate(c, block)) return false;
    usage_.subtract_early(block_sizes[c]);
    return true;
  }
  std::size_t flush_to_nursery(size_class c, bad_block* blocks, std::size_t count) noexcept;
  std::size_t give_empty_nursery(std::size_t keep_bytes) noexcept;
  size_class class_in_nursery(const void* block) const noexcept; ///< see nursery::class_at
  bool slabs_agree() const noexcept;
  void check_quarantine() const;
  violation_kind kind_of(const bad_block& bad) const noexcept;
  static void report_bad(violation_kind kind, const void* address, size_class c) noexcept;
  static void report_unlisted(const flushed& f) noexcept;

  const std::pmr::pool_options options_;
  const bool shared_;
  const bool recorded_ = false;
  upstream upstream_;
  usage usage_;
  slab_source source_;
  oversized oversized_;
  pool_set pools_;
  cached_room room_;
  depot_set depots_;
  std::atomic<std::size_t> dropped_ = 0;
  mutable optional_mutex early_mutex_;
  nursery nursery_{recorded_ ? 0 : options_.largest_required_pool_block,
                   source_.bounded() ? options_.max_blocks_per_chunk : SIZE_MAX};
  std::atomic<quarantine*> quarantine_ = nullptr; // made by the first allocation while memory is poisoned
};

} // namespace quarry::detail
