#include "regions.hpp"

#include <bit>
#include <new>
#include <stdexcept>
#include <utility>

#include "bits.hpp"
#include "poison.hpp"

namespace quarry::detail {

region_node& node_of(block_record& r) noexcept {
  return *reinterpret_cast<region_node*>(reinterpret_cast<std::byte*>(&r) - offsetof(region_node, record));
}

// ---- they come

region_node& regions::take_node(upstream& up) {
  for (;;) {
    {
      const std::lock_guard guard(mutex_);
      if (region_node* const node = spare_) {
        spare_ = node->left;
        return *node;
      }
      if (void* const piece = memory_.take(sizeof(region_node))) {
        auto* const node = ::new (piece) region_node{};
        node->id = static_cast<std::uint32_t>(nodes_++);
        return *node;
      }
    }
    memory_.grow(up, sizeof(region_node), [this](auto add) {
      const std::lock_guard guard(mutex_);
      add();
    });
  }
}

void* regions::obtain(upstream& up, std::size_t bytes, std::size_t alignment) {
  const std::lock_guard obtaining(up.mutex());
  region_node& node = take_node(up);
  void* memory = nullptr;
  try {
    memory = up.allocate(bytes, alignment);
    node.base = static_cast<std::byte*>(memory);
    node.bytes = bytes;
    node.alignment_log2 = static_cast<std::uint8_t>(std::countr_zero(alignment));
    node.record.set_free(node.base, free_region_state(node.base));
    if (observer_ != nullptr) observer_->region_added(node.described());
  } catch (...) {
    if (memory != nullptr) up.deallocate(memory, bytes, alignment);
    const std::lock_guard guard(mutex_);
    node.left = spare_;
    spare_ = &node;
    throw;
  }
  const std::lock_guard guard(mutex_);
  tree_.insert(node);
  return memory;
}

// ---- and go

bool regions::give_back(upstream& up, void* memory) noexcept {
  const std::lock_guard retiring(up.mutex());
  region_node& node = *find(memory);
  unpoison(node.base, node.bytes); // for the observer, who may look at it, and keep it
  node.held = observer_ != nullptr && !node.is_told_of && !observer_->region_retiring(node.described());
  if (node.held) return false;
  give_upstream(up, node);
  return true;
}

void regions::give_upstream(upstream& up, region_node& node) noexcept {
  {
    const std::lock_guard guard(mutex_);
    tree_.erase(node);
  }
  up.deallocate(node.base, node.bytes, node.alignment());
  node.held = node.is_told_of = false;
  const std::lock_guard guard(mutex_);
  node.left = spare_;
  spare_ = &node;
}

void regions::let_go(upstream& up, std::size_t id) noexcept {
  const std::lock_guard retiring(up.mutex());
  if (region_node* const node = find_held([id](const region_node& held) { return held.id == id; }))
    give_upstream(up, *node);
}

void regions::let_go_of_all(upstream& up) noexcept {
  const std::lock_guard retiring(up.mutex());
  while (region_node* const node = find_held([](const region_node&) { return true; }))
    give_upstream(up, *node);
}

template <class Function>
region_node* regions::find_held(Function f) const noexcept {
  const std::lock_guard guard(mutex_);
  return tree_.find([&](const region_node& node) { return node.held && f(node); });
}

// An observer may lead back here, and free what lies in a region: then that goes at once, and is not told
// twice.
void regions::part_from_observer(upstream& up) noexcept {
  const std::lock_guard retiring(up.mutex());
  region_node* node = nullptr;
  const auto next = [&](region_node& next_one) { node = &next_one; };
  for (const void* last = nullptr; observer_ != nullptr && next_node(last, next);) {
    last = node->base;
    if (!node->held && !std::exchange(node->is_told_of, true)) observer_->region_retiring(node->described());
  }
  observer_ = nullptr;
}

void regions::release_all(upstream& up) noexcept {
  let_go_of_all(up);
  bookkeeping nodes;
  {
    const std::lock_guard guard(mutex_);
    if (!tree_.empty()) return; // upstream has led to new ones
    spare_ = nullptr;
    nodes_ = 0;
    nodes = memory_.remove_all();
  }
  nodes.release_all(up);
}

// ---- looking

region_node* regions::find(const void* address) const noexcept {
  const std::lock_guard guard(mutex_);
  region_node* const node = tree_.at_or_below(address);
  return node != nullptr && is_within(address, node->base, node->bytes) ? node : nullptr;
}

std::size_t regions::id_of(const void* memory) const noexcept { return find(memory)->id; }

bool regions::next(region& r) const noexcept {
  return next_node(r.memory.data(), [&](const region_node& node) { r = node.described(); });
}

bool regions::empty() const noexcept {
  const std::lock_guard guard(mutex_);
  return tree_.empty();
}

void regions::check_invariants() const {
  const std::lock_guard guard(mutex_);
  std::size_t count = 0;
  tree_.for_each([&](const region_node& node) {
    ++count;
    if (node.id >= nodes_) throw std::logic_error("quarry: a region has an id that was never drawn");
  });
  for (const region_node* node = spare_; node != nullptr; node = node->left) ++count;
  if (count > nodes_) throw std::logic_error("quarry: there are more regions than ids");
}

} // namespace quarry::detail
