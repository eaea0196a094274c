#include "descriptor_store.hpp"

#include <functional>
#include <stdexcept>

namespace quarry::detail {

void* descriptor_store::take() noexcept {
  slab* const block = roomy_.lowest();
  if (block == nullptr) return nullptr;
  if (block->empty()) --empty_;
  void* piece = nullptr;
  block->take(&piece, 1);
  if (block->free_count == 0) {
    roomy_.erase(*block);
    full_.insert(*block);
  }
  return piece;
}

bool descriptor_store::give(void* piece) noexcept {
  for (const bool was_full : {false, true}) {
    slab* const block = (was_full ? full_ : roomy_).at_or_below(piece);
    if (block == nullptr || !block->spans(piece)) continue;
    block->mark_free(block->index_of(piece));
    ++block->free_count;
    if (was_full) {
      full_.erase(*block);
      roomy_.insert(*block);
    }
    if (block->empty()) ++empty_;
    return true;
  }
  return false;
}

void descriptor_store::add(void* memory, std::size_t pieces) noexcept {
  slab& block = *::new (memory) slab;
  block.reset(static_cast<std::byte*>(memory) + sizeof(slab), class_, pieces);
  roomy_.insert(block);
  ++empty_;
}

slab* descriptor_store::remove_empty() noexcept {
  slab* const last = roomy_.highest();
  if (empty_ == 0 || last == roomy_.lowest()) return nullptr;
  slab* found = last->empty() ? last : nullptr;
  if (found == nullptr)
    roomy_.find([&](slab& block) {
      found = block.empty() ? &block : nullptr;
      return found != nullptr;
    });
  roomy_.erase(*found);
  --empty_;
  return found;
}

void descriptor_store::release_all(upstream& up) noexcept {
  for (address_tree<slab>* const blocks : {&full_, &roomy_})
    while (slab* const block = blocks->lowest()) {
      blocks->erase(*block);
      give_upstream(up, *block);
    }
  empty_ = 0;
}

void descriptor_store::check_invariants() const {
  std::size_t empty = 0;
  const auto check = [&](const slab& block, bool has_room) {
    block.check_invariants();
    if ((block.free_count != 0) != has_room)
      throw std::logic_error("quarry: a block of descriptors is in the wrong tree");
    if (block.empty()) ++empty;
  };
  full_.for_each([&](const slab& block) { check(block, false); });
  roomy_.for_each([&](const slab& block) { check(block, true); });
  if (empty != empty_) throw std::logic_error("quarry: empty blocks of descriptors are miscounted");
}

} // namespace quarry::detail
