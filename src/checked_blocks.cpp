#include "checked_blocks.hpp"

#include "bits.hpp"
#include <quarry/checked_resource.hpp>

namespace quarry::detail {

void checked_blocks::add(const checked_block& block) {
  entry added(1, block);
  const std::lock_guard guard(mutex_);
  by_address_.insert_or_assign(block.address, added.begin());
  live_.splice(live_.end(), added);
}

checked_blocks::claim checked_blocks::claim_for_free(void* address, std::size_t bytes, std::size_t alignment,
                                                     const call_site& by) noexcept {
  const auto* const p = static_cast<const std::byte*>(address);
  const std::lock_guard guard(mutex_);
  const auto found = by_address_.find(p);
  if (found == by_address_.end()) return {{}, violation_kind::foreign_pointer, around(p)};
  checked_block& block = *found->second;
  if (block.is != checked_block::condition::live) return {{}, violation_kind::double_free, block};
  if (block.size != bytes) return {{}, violation_kind::wrong_size, block};
  if (block.alignment != alignment) return {{}, violation_kind::wrong_alignment, block};
  block.is = checked_block::condition::freed;
  block.freed = by;
  claim result;
  result.taken.splice(result.taken.end(), live_, found->second);
  return result;
}

// Blocks that are not gone don't overlap, guards included: only the last one that starts before can be it.
std::optional<checked_block> checked_blocks::around(const std::byte* address) const noexcept {
  for (auto next = by_address_.upper_bound(address); next != by_address_.begin();) {
    const checked_block& block = *(--next)->second;
    if (block.is == checked_block::condition::gone) continue;
    if (is_below(address, block.end())) return block;
    return std::nullopt;
  }
  return std::nullopt;
}

void checked_blocks::put_in_quarantine(entry&& freed) noexcept {
  const std::lock_guard guard(mutex_);
  quarantined_bytes_ += freed.front().bytes();
  quarantine_.splice(quarantine_.end(), freed);
}

std::optional<checked_block> checked_blocks::leave_quarantine(std::size_t keep_bytes,
                                                              std::size_t keep_blocks) noexcept {
  const std::lock_guard guard(mutex_);
  if (quarantined_bytes_ <= keep_bytes && quarantine_.size() <= keep_blocks) return std::nullopt;
  const checked_block oldest = quarantine_.front();
  quarantine_.front().is = checked_block::condition::gone;
  quarantined_bytes_ -= oldest.bytes();
  gone_.splice(gone_.end(), quarantine_, quarantine_.begin());
  if (gone_.size() > checked_resource::quarantine_blocks) forget(gone_);
  return oldest;
}

std::optional<checked_block> checked_blocks::forget_live() noexcept {
  const std::lock_guard guard(mutex_);
  if (live_.empty()) return std::nullopt;
  const checked_block oldest = live_.front();
  forget(live_);
  return oldest;
}

// Its address can be another's by now.
void checked_blocks::forget(entry& list) noexcept {
  const auto found = by_address_.find(list.front().address);
  if (found != by_address_.end() && found->second == list.begin()) by_address_.erase(found);
  list.pop_front();
}

std::vector<checked_block> checked_blocks::live() const {
  const std::lock_guard guard(mutex_);
  return {live_.begin(), live_.end()};
}

} // namespace quarry::detail
