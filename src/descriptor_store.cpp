#include "descriptor_store.hpp"

#include <new>
#include <stdexcept>

namespace quarry::detail {

void* descriptor_store::take() noexcept {
  slab* const block = serving_;
  if (block == nullptr) return nullptr;
  if (block->empty()) --empty_;
  void* piece = nullptr;
  block->take(&piece, 1);
  if (block->free_count == 0) {
    roomy_.erase(*block);
    full_.insert(*block);
    serving_ = roomy_.lowest();
  }
  return piece;
}

// Most often of the block that serves.
bool descriptor_store::give(void* piece) noexcept {
  slab* block = serving_;
  std::size_t index = block != nullptr ? block->index_of(piece) : slab::most_blocks;
  for (const address_tree<slab>* const blocks : {&full_, &roomy_}) {
    if (index != slab::most_blocks) break;
    block = blocks->at_or_below(piece);
    if (block != nullptr) index = block->index_of(piece);
  }
  if (index == slab::most_blocks) return false;
  block->mark_free(index);
  if (block->free_count == 1) {
    full_.erase(*block);
    roomy_.insert(*block);
    serving_ = roomy_.lowest();
  }
  if (block->empty()) ++empty_;
  return true;
}

void descriptor_store::add(void* memory, std::size_t pieces) noexcept {
  slab& block = *::new (memory) slab;
  block.reset(static_cast<std::byte*>(memory) + sizeof(slab), class_, pieces);
  roomy_.insert(block);
  serving_ = roomy_.lowest();
  ++empty_;
}

slab* descriptor_store::remove_empty() noexcept {
  slab* const last = roomy_.highest();
  if (empty_ == 0 || last == roomy_.lowest()) return nullptr;
  slab* const found = last->empty() ? last : roomy_.find([](const slab& block) { return block.empty(); });
  roomy_.erase(*found);
  serving_ = roomy_.lowest();
  --empty_;
  return found;
}

descriptor_store descriptor_store::remove_all() noexcept {
  descriptor_store all = *this;
  full_ = roomy_ = {};
  serving_ = nullptr;
  empty_ = 0;
  return all;
}

void descriptor_store::release_all(upstream& up) noexcept {
  for (address_tree<slab>* const blocks : {&full_, &roomy_})
    while (slab* const block = blocks->lowest()) {
      blocks->erase(*block);
      give_upstream(up, *block);
    }
  serving_ = nullptr;
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
  if (serving_ != roomy_.lowest())
    throw std::logic_error("quarry: it is not the lowest block of descriptors with room that serves");
  if (empty != empty_) throw std::logic_error("quarry: empty blocks of descriptors are miscounted");
}

} // namespace quarry::detail
