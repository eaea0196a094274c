#include "quarantine.hpp"

#include <algorithm>
#include <new>

#include "poison.hpp"
#include <quarry/page_resource.hpp>

namespace quarry::detail {

quarantine::quarantine(bool shared) noexcept : mutex_(shared) { begin_blocks(this); }

quarantine::~quarantine() { end_blocks(this); }

// From the system and not from upstream, whose calls are counted.
quarantine* quarantine::make(bool shared) {
  static_assert(sizeof(quarantine) <= page);
  return ::new (page_resource()->allocate(page, page)) quarantine(shared);
}

void quarantine::destroy(quarantine* q) noexcept {
  q->~quarantine();
  page_resource()->deallocate(q, page, page);
}

bool quarantine::holds(const void* block) const noexcept {
  return std::any_of(entries_.begin(), entries_.begin() + count_,
                     [block](const entry& e) { return e.block == block; });
}

void quarantine::put(void* block, size_class c) noexcept {
  entries_[count_++] = {block, c};
  bytes_ += block_sizes[c];
}

quarantine::entry quarantine::take(std::size_t index) noexcept {
  const entry taken = entries_[index];
  std::copy(entries_.begin() + index + 1, entries_.begin() + count_, entries_.begin() + index);
  --count_;
  bytes_ -= block_sizes[taken.c];
  return taken;
}

void* quarantine::take_oldest(size_class c) noexcept {
  for (std::size_t i = 0; i < count_; ++i)
    if (entries_[i].c == c) return take(i).block;
  return nullptr;
}

quarantine::entry quarantine::take_surplus() noexcept {
  return count_ > most_blocks || bytes_ > most_bytes ? take(0) : entry{};
}

void quarantine::forget_all() noexcept {
  count_ = bytes_ = 0;
  end_blocks(this);
  begin_blocks(this);
}

} // namespace quarry::detail
