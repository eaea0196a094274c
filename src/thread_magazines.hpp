// The magazine sets that threads have of one pool. Rung 5.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "patience.hpp"
#include "pool_core.hpp"
#include "short_mutex.hpp"
#include <quarry/magazine.hpp>

namespace quarry::detail {

struct thread_cache;

/// A pool's caches. Each thread gets one with its first cold call, once the pool has had a few; till then,
/// and where there is no memory for one, blocks come straight from the nursery or the slabs. Synchronized as
/// src/README.md says, SYNCHRONIZATION.
class thread_magazines {
public:
  /// `resource` is what the hot path compares the owner with, `table_index` where it looks.
  thread_magazines(pool_core& core, const void* resource, std::size_t table_index) noexcept
      : core_(core), resource_(resource), table_index_(table_index) {}
  ~thread_magazines();
  thread_magazines(const thread_magazines&) = delete;
  thread_magazines& operator=(const thread_magazines&) = delete;

  /// A place in the threads' tables for a new pool.
  static std::size_t next_table_index() noexcept;

  /// What is tried before all else, see pool_core.
  void* allocate_in_nursery(std::size_t last) noexcept;
  bool deallocate_in_nursery(std::size_t last, const void* block) noexcept;

  /// Takes a block of class `c` when the hot path could not. Throws what upstream throws.
  void* allocate(size_class c);
  void deallocate(size_class c, void* block) noexcept;
  /// What is tried first of frees, see exchange.hpp; `c` may be magazine_count.
  bool push_counted(size_class c, void* block) noexcept;

  /// Flushes the caches of all threads, but those of threads that are inside a call, unless that is to be
  /// waited for; no chunk goes upstream.
  enum class when_busy { skip, wait };
  void flush_all(when_busy = when_busy::skip) noexcept;
  /// Flushes all caches and lets go of them: every thread is without from now on.
  void close() noexcept;
  /// Makes every cache forget its blocks, which are dead.
  void forget_all() noexcept;

  std::array<std::size_t, size_class_count> count_blocks() noexcept;
  /// Writes the addresses of up to `room` blocks in the caches to `out`; returns how many there are.
  std::size_t list_blocks(const void** out, std::size_t room) noexcept;
  void check_invariants();

  /// Serves as the one of this thread's table that is never compared.
  void be_default() noexcept { is_default_ = true; }

private:
  friend struct thread_exit;
  friend class thread_call;
  friend class only_call;

  template <class Function>
  void visit(when_busy, Function f) noexcept;
  template <class ForEach, class Function>
  void visit_each(const ForEach& for_each, when_busy, Function f) noexcept;

  thread_cache* cache_at_hand() const noexcept; ///< null where another pool has its place in the table
  thread_cache* find_or_make(bool may_allocate) noexcept;
  thread_cache* make(bool may_allocate) noexcept;
  void link(thread_cache& cache) noexcept;
  void unlink(thread_cache& cache) noexcept;
  thread_cache* take_parked() noexcept;
  thread_cache* adopt_parked() noexcept;
  void install(thread_cache& cache) noexcept;
  void open(thread_cache& cache) noexcept;
  bool park(thread_cache& cache) noexcept;
  void retire(thread_cache& cache) noexcept;
  bool is_early() const noexcept;
  void note_cold_call(std::size_t weight) noexcept;
  void* take_quickly(thread_cache& cache, size_class c) noexcept;
  bool give_quickly(thread_cache& cache, size_class c, void* block) noexcept;
  void* allocate_reserved(size_class c, thread_cache* cache);
  void reclaim(pool_core::flushed& f, size_class c) noexcept;
  void look_for_room(thread_cache& cache) noexcept;
  void see_to_room(thread_cache& cache, std::uint32_t refusals_before) noexcept;
  void see_to_room_of_all() noexcept;
  void give_up_room(thread_cache& cache) noexcept;
  bool take_room_of_idle(thread_cache* heir) noexcept;
  thread_cache* next_idle(const thread_cache* heir) noexcept;
  static bool is_idle(thread_cache& cache) noexcept;
  void inherit(pool_core::flushed& f, thread_cache& heir, thread_cache& from) noexcept;
  void fetch_parked(size_class c) noexcept;
  void let_go_of_caches() noexcept;
  static std::size_t at_work_at_most() noexcept;
  std::size_t room_of_all() const noexcept;
  void look_at_room(thread_cache& cache) const noexcept;
  bool has_room(thread_cache& cache, std::size_t more) const noexcept;

  pool_core& core_;
  const void* const resource_;
  const std::size_t table_index_;
  bool is_default_ = false;
  std::atomic<std::size_t> cold_calls_ = 0;
  atomic_word<std::size_t> room_bytes_;              // Σ capacity_bytes of the sets
  std::atomic<std::size_t> calls_without_cache_ = 0; // that are under way, see thread_call
  std::atomic<bool> closed_ = false;                 // one call has the pool alone
  std::atomic<std::uint32_t> parked_ = 0; // caches without a thread; changed under the registry mutex
  patience patience_;                     // robberies are noted under the registry mutex
  short_mutex reserved_moves_;            // held while blocks of classes with a reservation are moved

  // Guarded by the registry mutex.
  thread_cache* first_ = nullptr;
  thread_cache* next_looked_at_ = nullptr; // by who looks for an idle one
  std::size_t leaving_ = 0;                // threads that are flushing on their way out
};

} // namespace quarry::detail
