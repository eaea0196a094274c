// How a pool core hands blocks on, and takes those back that depots have no room for.
#include "pool_core.hpp"

namespace quarry::detail {

// There is more room from now on, or else what others that had no use for theirs have lost by the next time.
std::size_t pool_core::put_into_depot(flushed& f, size_class c, void* const* blocks,
                                      std::size_t count) noexcept {
  if (!depots_.wanted() || pools_.reserved(c) != 0) return 0;
  const std::size_t kept = depots_.put(c, blocks, count);
  if (kept == count) return kept;
  if (!depots_.enlarge(c, count - kept)) lower(f, depots_.next_surplus());
  return kept + depots_.put(c, blocks + kept, count - kept);
}

void pool_core::lower(flushed& f, depot_set::surplus s) noexcept {
  void* blocks[most_at_once];
  while (const std::size_t taken = depots_.lower(s, blocks)) flush_into(f, s.c, blocks, taken);
}

void pool_core::see_to_depots() noexcept {
  if (!depots_.have_too_much()) return;
  flushed f;
  lower(f, depots_.next_surplus());
  finish(f);
}

void pool_core::flush_depot(flushed& f, size_class c) noexcept { lower(f, {c, depots_.room(c)}); }

void pool_core::flush_depot(size_class c) noexcept {
  if (depots_.count(c) == 0) return;
  flushed f;
  flush_depot(f, c);
  finish(f);
}

void pool_core::flush_depots(flushed& f) noexcept {
  for (size_class c = 0; c < magazine_count; ++c) flush_depot(f, c);
}

} // namespace quarry::detail
