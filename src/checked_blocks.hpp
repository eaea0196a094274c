// The side table of a checked_resource: what every block is, out of reach of who writes beside one. Beside
// the ladder.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <quarry/call_site.hpp>
#include <quarry/violation.hpp>

#include "guarded_block.hpp"

namespace quarry::detail {

struct checked_block : guarded_block {
  enum class condition { live, freed, gone }; // gone: upstream has its memory again

  condition is = condition::live;
  call_site allocated{};
  call_site freed{}; // the first free, when it is not live
};

// A block's entry passes through lists, in this order; moving it from list to list never fails.
//
//   live → claimed by a free, in no list of ours → quarantine → gone, the newest ones
//
/// Synchronized by a mutex of its own; calls nobody.
class checked_blocks {
public:
  using entry = std::list<checked_block>; // of one

  /// Throws std::bad_alloc, and then nothing has changed.
  void add(const checked_block&);

  /// A free that is right takes the block's entry; of one thread when two race.
  struct claim {
    entry taken;
    std::optional<violation_kind> misuse;
    std::optional<checked_block> meant; // of a misuse: the block at that address, or around it
  };
  claim claim_for_free(void* address, std::size_t bytes, std::size_t alignment, const call_site& by) noexcept;

  void put_in_quarantine(entry&&) noexcept;

  /// The oldest block in quarantine, gone from now on, when there is more than these.
  std::optional<checked_block> leave_quarantine(std::size_t keep_bytes, std::size_t keep_blocks) noexcept;

  /// The oldest live block, forgotten from now on.
  std::optional<checked_block> forget_live() noexcept;

  std::vector<checked_block> live() const;

private:
  using index = std::map<const std::byte*, entry::iterator>;

  std::optional<checked_block> around(const std::byte* address) const noexcept;
  void forget(entry& list) noexcept;

  mutable std::mutex mutex_;
  index by_address_; // of two entries with one address the newer
  entry live_, quarantine_, gone_;
  std::size_t quarantined_bytes_ = 0;
};

} // namespace quarry::detail
