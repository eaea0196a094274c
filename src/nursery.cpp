#include "nursery.hpp"

#include <stdexcept>

#include "bits.hpp"

namespace quarry::detail {

// ---- its memory

void nursery::add(void* memory) noexcept {
  memory_ = static_cast<std::byte*>(memory);
  limit_ = largest_;
  top_ = address_of(memory);
  classes_.fill(no_class);
}

void* nursery::remove() noexcept {
  void* const memory = memory_;
  memory_ = nullptr;
  limit_ = 0;
  idle_ = false;
  top_ = bytes; // the end, where there is no memory
  starts_ = 0;
  return memory;
}

void* nursery::remove_if_empty() noexcept {
  idle_ = false;
  return starts_ == 0 ? remove() : nullptr;
}

void nursery::close() noexcept {
  closed_ = true;
  limit_ = 0;
  idle_ = starts_ == 0 && memory() != nullptr;
}

// ---- holes

void* nursery::allocate(size_class c) noexcept {
  if (memory() == nullptr || block_sizes[c] > largest_) return nullptr;
  if (void* const block = allocate_above(c)) return block;
  const std::uint64_t starts = runs_of(~used_units(), units_of(c)) & aligned_units(natural_alignment_of(c));
  if (starts == 0) return nullptr;
  void* const block = start(c, memory_, static_cast<std::size_t>(std::countr_zero(starts)) * unit_bytes);
  top_ = address_of(memory()) + static_cast<std::size_t>(std::bit_width(used_units())) * unit_bytes;
  return block;
}

std::uint64_t nursery::used_units() const noexcept {
  std::uint64_t used = 0;
  for_each([&](const std::byte* block, size_class c, std::size_t) { used |= run(block, c); });
  return used;
}

std::uint64_t nursery::aligned_units(std::size_t align) const noexcept {
  const std::size_t step = std::max(align / unit_bytes, std::size_t{1});
  const std::uint64_t multiples = ~std::uint64_t{0} / ((std::uint64_t{1} << step) - 1); // each step-th bit
  return std::rotr(multiples, static_cast<int>(address_of(memory()) / unit_bytes % units));
}

// ---- seeing

bool nursery::has_freed(const void* address) const noexcept {
  const std::size_t unit = unit_of(address);
  return memory() != nullptr && unit < units && (used_units() >> unit & 1) == 0 && classes_[unit] != no_class;
}

void nursery::check_invariants() const {
  if (memory() == nullptr) {
    if (starts_ != 0 || limit_ != 0 || idle_)
      throw std::logic_error("quarry: a nursery without memory serves");
    return;
  }
  std::uint64_t used = 0;
  for_each([&](const std::byte* block, size_class c, std::size_t) {
    if (c >= size_class_count || block_sizes[c] > largest_ ||
        address_of(block) % natural_alignment_of(c) != 0)
      throw std::logic_error("quarry: a block in a nursery is not as its class has them");
    if ((used & run(block, c)) != 0) throw std::logic_error("quarry: blocks in a nursery overlap");
    if (address_of(block) + block_sizes[c] > top_)
      throw std::logic_error("quarry: a block in a nursery ends above all of them");
    used |= run(block, c);
  });
  if (limit_ != (closed_ ? 0 : largest_)) throw std::logic_error("quarry: a nursery's limit is wrong");
  if (closed_ && starts_ == 0 && !idle_) throw std::logic_error("quarry: a nursery is idle unnoticed");
}

} // namespace quarry::detail
