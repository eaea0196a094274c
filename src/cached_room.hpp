// How much memory may lie in magazines and depots, between callers and slabs. Rung 1.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "usage.hpp"

namespace quarry::detail {

// Bounds for all magazines of a pool together, and for all its depots: a share of what is used, and something
// while little is. Both together come to less than 1 MiB, or to an eighth of what is live.
class cached_room {
public:
  static constexpr std::size_t least = std::size_t{15} << 15; ///< for magazines, and as much for depots

  /// `segments`: large blocks that go from thread to thread, for which nothing is saved on.
  cached_room(const usage& use, bool segments) noexcept : usage_(use), segments_(segments) {}

  /// Bytes of blocks, in slabs or the nursery.
  std::size_t used() const noexcept { return usage_.used() + usage_.early(); }
  /// What shares are of. Oversized blocks, of which nothing is lost to classes and slabs, count half.
  std::size_t weighed_use() const noexcept { return usage_.used() + usage_.oversized() / 2; }
  /// Whether memory is worth more than time: where much more was used once.
  bool is_thrifty() const noexcept { return usage_.has_fallen() && !segments_; }

  /// Of magazines: one `part`-th, and while little is used a tenth, or 320 KiB, up to `up_to`.
  std::size_t of_magazines(std::size_t up_to, std::size_t part) const noexcept {
    constexpr std::size_t little = 65536;
    const std::size_t share = weighed_use() / part;
    if (segments_) return std::max(up_to, share);
    const std::size_t tenth = (usage_.used() + usage_.oversized()) / 10;
    return std::max(is_thrifty() ? little : std::min(std::max(tenth, 5 * little), up_to), share);
  }

  /// Of depots: less than of magazines, since with as much for both 2 % of the recorded redis' peak lay in
  /// depots. Where threads hand on blocks, what is on the way fills and empties them, and what does not fit
  /// goes to slabs; to one thread alone they are but more of its own.
  std::size_t of_depots() const noexcept {
    if (segments_) return std::max(least, weighed_use() / 20);
    if (hands_on() && !is_thrifty()) return std::max(least, weighed_use() / 32);
    return hands_on() ? of_magazines(least, 32) : of_magazines(least / 4, 64);
  }

  /// Of one magazine.
  static constexpr std::size_t of_one_magazine() noexcept { return 262144; }

  /// Counts the sets of magazines that there are, threads' and those that they left.
  void add_set() noexcept { sets_.fetch_add(1, std::memory_order_relaxed); }
  void remove_set() noexcept { sets_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t sets() const noexcept { return sets_.load(std::memory_order_relaxed); }
  /// Whether blocks may go from thread to thread.
  bool hands_on() const noexcept { return sets() > 1; }

private:
  const usage& usage_;
  std::atomic<std::uint32_t> sets_ = 0;
  const bool segments_;
};

} // namespace quarry::detail
