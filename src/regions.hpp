// What upstream gave for the segments of a pool: listed, observed, held. Rung 2.
#pragma once

#include <cstddef>
#include <mutex>

#include "address_tree.hpp"
#include "block_record.hpp"
#include "bookkeeping.hpp"
#include "upstream.hpp"
#include <quarry/region.hpp>

namespace quarry::detail {

// A region is a chunk of the slab source or one segment that is larger than any block; for the latter it has
// a record. A region that has gone leaves its node, with its id, to the next one, so that ids stay small and
// a record stays a record.
struct alignas(64) region_node {
  std::byte* base;
  region_node* left; // in the tree; or the next of those without a region
  region_node* right;
  std::size_t bytes;
  block_record record;
  std::uint32_t id;
  std::uint8_t alignment_log2;
  bool held;
  bool is_told_of; // that it retires, with the end of the pool

  std::size_t alignment() const noexcept { return std::size_t{1} << alignment_log2; }

  region described() const noexcept { return {id, {base, bytes}}; }
};
static_assert(sizeof(region_node) == 64, "a region's node is one cache line");

/// The node that a record with region_bit is in.
region_node& node_of(block_record& r) noexcept;

/// The state of the record of a free region at `base`.
inline std::uint32_t free_region_state(const std::byte* base) noexcept {
  return free_state(base, size_class_count, 0) | block_record::region_bit;
}

/// Stands between the pool and upstream. Regions come and go under the upstream mutex; the tree has a mutex
/// of its own, never held over a call.
class regions final : public region_keeper {
public:
  explicit regions(region_observer* observer) noexcept : observer_(observer) {}

  /// Throws what upstream or the observer throws, and then nothing has changed.
  void* obtain(upstream& up, std::size_t bytes, std::size_t alignment) override;
  /// Unless the observer holds it.
  bool give_back(upstream& up, void* memory) noexcept override;
  std::size_t id_of(const void* memory) const noexcept override;

  void let_go(upstream& up, std::size_t id) noexcept;
  /// Tells the observer that all regions retire, whatever it says, and then nothing any more.
  void part_from_observer(upstream& up) noexcept;
  /// Gives back what is still held, and the nodes unless there are other regions.
  void release_all(upstream& up) noexcept;

  /// The region that `address` lies in, or null.
  region_node* find(const void* address) const noexcept;
  /// Calls f(node) for the region that starts at `address`, if there is one, under the mutex.
  template <class Function>
  void at(const void* address, Function f) const {
    const std::lock_guard guard(mutex_);
    region_node* const node = tree_.at_or_below(address);
    if (node != nullptr && node->base == address) f(*node);
  }
  /// Whether `r` was made the one of the lowest address above it.
  bool next(region& r) const noexcept;
  /// Calls f(node) for the one of the lowest address above `address`; false when there is none.
  template <class Function>
  bool next_node(const void* address, Function f) const {
    const std::lock_guard guard(mutex_);
    region_node* const node = tree_.above(address);
    if (node != nullptr) f(*node);
    return node != nullptr;
  }
  bool empty() const noexcept;
  void check_invariants() const;

private:
  region_node& take_node(upstream& up);
  template <class Function>
  region_node* find_held(Function f) const noexcept;
  void let_go_of_all(upstream& up) noexcept;
  void give_upstream(upstream& up, region_node& node) noexcept;

  region_observer* observer_; // changed under the upstream mutex
  mutable std::mutex mutex_;
  address_tree<region_node> tree_;
  region_node* spare_ = nullptr;
  std::size_t nodes_ = 0;
  bookkeeping memory_;
};

} // namespace quarry::detail
