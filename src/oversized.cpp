#include "oversized.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "bits.hpp"

namespace quarry::detail {

namespace {

// Of nothing some resources give the same again, and the table tells blocks by their addresses.
std::size_t asked_of_upstream(std::size_t bytes) noexcept { return std::max<std::size_t>(bytes, 1); }

} // namespace

std::size_t oversized::start_of(const void* address) const noexcept {
  const auto page = reinterpret_cast<std::uintptr_t>(address) >> 4;
  return static_cast<std::size_t>(scrambled(page) >> 32) % count_;
}

std::size_t oversized::index_of(const void* address) const noexcept {
  if (count_ == 0) return 0;
  std::size_t i = start_of(address);
  while (entries_[i].address != nullptr && entries_[i].address != address) i = (i + 1) % count_;
  return entries_[i].address == nullptr ? count_ : i;
}

// ---- the table first, then the block

void* oversized::allocate(std::size_t bytes, std::size_t alignment) {
  const std::lock_guard growing(up_.mutex());
  std::unique_lock guard(mutex_);
  while (!has_room()) {
    guard.unlock();
    grow();
    guard.lock();
  }
  ++promised_;
  guard.unlock();
  void* memory;
  try {
    memory = up_.allocate_region(asked_of_upstream(bytes), alignment);
  } catch (...) {
    guard.lock();
    --promised_;
    throw;
  }
  guard.lock();
  --promised_;
  put({static_cast<std::byte*>(memory), bytes, alignment});
  ++blocks_;
  bytes_ += bytes;
  usage_.add_oversized(bytes);
  return memory;
}

// Expects the upstream mutex to be held: only a call from within upstream can have grown the table meanwhile.
void oversized::grow() {
  if (count_ == 0) {
    const std::lock_guard guard(mutex_);
    entries_ = first_.make().data();
    count_ = first_count;
    return;
  }
  const std::size_t count = std::max<std::size_t>(64, count_ * 2), bytes = count * sizeof(entry);
  auto* const larger = static_cast<entry*>(up_.allocate(bytes, alignof(entry)));
  if (count_ >= count) return up_.deallocate(larger, bytes, alignof(entry));
  std::uninitialized_fill_n(larger, count, entry{});
  entry* before;
  std::size_t count_before;
  const bool was_first = is_first();
  {
    const std::lock_guard guard(mutex_);
    before = std::exchange(entries_, larger);
    count_before = std::exchange(count_, count);
    for (std::size_t i = 0; i < count_before; ++i)
      if (before[i].address != nullptr) put(before[i]);
  }
  if (!was_first) up_.deallocate(before, count_before * sizeof(entry), alignof(entry));
}

void oversized::put(const entry& e) noexcept {
  std::size_t i = start_of(e.address);
  while (entries_[i].address != nullptr) i = (i + 1) % count_;
  entries_[i] = e;
}

// ---- giving back

oversized::outcome oversized::deallocate(void* address, std::size_t bytes, std::size_t alignment) noexcept {
  entry e;
  {
    const std::lock_guard guard(mutex_);
    const std::size_t i = index_of(address);
    if (i == count_) return outcome::unknown;
    e = entries_[i];
    if (e.bytes != bytes) return outcome::wrong_size;
    if (e.alignment != alignment) return outcome::wrong_alignment;
    erase(i);
    --blocks_;
    bytes_ -= e.bytes;
  }
  usage_.subtract_oversized(bytes);
  up_.deallocate_region(address, asked_of_upstream(bytes), alignment);
  return outcome::freed;
}

// Moves up what would no longer be found behind the gap.
void oversized::erase(std::size_t gap) noexcept {
  entries_[gap] = {};
  for (std::size_t i = (gap + 1) % count_; entries_[i].address != nullptr; i = (i + 1) % count_) {
    const std::size_t start = start_of(entries_[i].address);
    if ((i + count_ - start) % count_ < (i + count_ - gap) % count_) continue;
    entries_[gap] = std::exchange(entries_[i], {});
    gap = i;
  }
}

bool oversized::owns(const void* address) const noexcept {
  const std::lock_guard guard(mutex_);
  return std::any_of(entries_, entries_ + count_, [&](const entry& e) {
    return e.address != nullptr && is_within(address, e.address, std::max<std::size_t>(e.bytes, 1));
  });
}

std::size_t oversized::blocks() const noexcept {
  const std::lock_guard guard(mutex_);
  return blocks_;
}

std::size_t oversized::bytes() const noexcept {
  const std::lock_guard guard(mutex_);
  return bytes_;
}

oversized::everything oversized::remove_all() noexcept {
  everything all{{}, is_first() ? nullptr : entries_, count_};
  if (is_first()) all.first = first_.get();
  entries_ = nullptr;
  count_ = 0;
  bytes_ = 0;
  blocks_ = 0;
  return all;
}

void oversized::give_back(const everything& all) noexcept {
  const entry* const table = all.table == nullptr ? all.first.data() : all.table;
  for (std::size_t i = 0; i < all.count; ++i)
    if (const entry& e = table[i]; e.address != nullptr)
      up_.deallocate_region(e.address, asked_of_upstream(e.bytes), e.alignment);
  if (all.table != nullptr) up_.deallocate(all.table, all.count * sizeof(entry), alignof(entry));
}

void oversized::check_invariants() const {
  const std::lock_guard guard(mutex_);
  std::size_t blocks = 0, bytes = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (entries_[i].address == nullptr) continue;
    ++blocks;
    bytes += entries_[i].bytes;
    if (index_of(entries_[i].address) != i)
      throw std::logic_error("quarry: an oversized block can't be found in its table");
  }
  if (blocks != blocks_ || bytes != bytes_) throw std::logic_error("quarry: oversized blocks are miscounted");
}

} // namespace quarry::detail
