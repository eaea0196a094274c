#include <quarry/checked_resource.hpp>

#include <utility>

#include "checked_blocks.hpp"
#include "checked_report.hpp"
#include "upstream.hpp"

namespace quarry {

using detail::checked_block;
using detail::guarded_block;

struct checked_resource::state {
  detail::upstream upstream;
  violation_handler handler;
  detail::checked_blocks blocks;

  void* obtain(std::size_t bytes, std::size_t alignment);
  void give_back(const checked_block&) noexcept;
  bool shrink_quarantine(std::size_t keep_bytes, std::size_t keep_blocks) noexcept;
  void report_live() noexcept;
  bool free_live() noexcept;
};

checked_resource::checked_resource(std::pmr::memory_resource* upstream, violation_handler handler)
    : state_(new state{{upstream, true}, handler, {}}) {}

// A handler may still use the resource: what it leaves is freed as well, but not told it.
checked_resource::~checked_resource() {
  state_->report_live();
  while (state_->free_live() || state_->shrink_quarantine(0, 0)) {
  }
}

std::pmr::memory_resource* checked_resource::upstream_resource() const noexcept {
  return state_->upstream.resource();
}

std::vector<leaked_block> checked_resource::leaks() const {
  std::vector<leaked_block> result;
  for (const checked_block& block : state_->blocks.live())
    result.push_back({block.address, block.size, block.alignment, block.allocated});
  return result;
}

// ---- allocating

void* checked_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  const call_site here = detail::callers_from(__builtin_return_address(0));
  void* const memory = state_->obtain(guarded_block::bytes_for(bytes, alignment), alignment);
  const checked_block block{guarded_block::in(memory, bytes, alignment), {}, here, {}};
  block.fill_allocated();
  try {
    state_->blocks.add(block);
  } catch (...) {
    state_->give_back(block);
    throw;
  }
  return block.address;
}

// What waits in quarantine would be free without us.
void* checked_resource::state::obtain(std::size_t bytes, std::size_t alignment) {
  try {
    return upstream.allocate(bytes, alignment);
  } catch (...) {
    if (!shrink_quarantine(0, 0)) throw;
  }
  return upstream.allocate(bytes, alignment);
}

// ---- freeing

void checked_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  const detail::free_call call{p, bytes, alignment, detail::callers_from(__builtin_return_address(0))};
  auto claim = state_->blocks.claim_for_free(p, bytes, alignment, call.site);
  if (claim.misuse) return detail::report_refused(call, claim, state_->handler);
  const checked_block& block = claim.taken.front();
  detail::report_damage(block, state_->handler);
  block.fill_freed();
  state_->blocks.put_in_quarantine(std::move(claim.taken));
  state_->shrink_quarantine(quarantine_bytes, quarantine_blocks);
}

bool checked_resource::state::shrink_quarantine(std::size_t keep_bytes, std::size_t keep_blocks) noexcept {
  bool any = false;
  while (const auto block = blocks.leave_quarantine(keep_bytes, keep_blocks)) {
    detail::report_late_write(*block, handler);
    give_back(*block);
    any = true;
  }
  return any;
}

void checked_resource::state::give_back(const checked_block& block) noexcept {
  upstream.deallocate(block.memory(), block.bytes(), block.alignment);
}

void checked_resource::state::report_live() noexcept {
  std::size_t told = 0, more = 0, bytes_of_more = 0;
  while (const auto block = blocks.forget_live()) {
    detail::report_damage(*block, handler);
    if (told < reported_leaks) {
      detail::report_leak(*block, handler);
      ++told;
    } else {
      ++more;
      bytes_of_more += block->size;
    }
    give_back(*block);
  }
  if (more != 0) detail::report_more_leaks(more, bytes_of_more, handler);
}

bool checked_resource::state::free_live() noexcept {
  bool any = false;
  while (const auto block = blocks.forget_live()) {
    give_back(*block);
    any = true;
  }
  return any;
}

} // namespace quarry
