#include "guarded_block.hpp"

#include <quarry/checked_resource.hpp>

#include <cstring>

namespace quarry::detail {

namespace {

void fill(std::byte* first, std::size_t count, std::byte pattern) noexcept {
  std::memset(first, std::to_integer<int>(pattern), count);
}

// Compared with itself, one byte on: the library's compare is many times faster than a loop over bytes.
bool is_filled(const std::byte* first, std::size_t count, std::byte pattern) noexcept {
  return count == 0 || (*first == pattern && std::memcmp(first, first + 1, count - 1) == 0);
}

const std::byte* first_other(const std::byte* first, std::size_t count, std::byte pattern) noexcept {
  if (is_filled(first, count, pattern)) return nullptr;
  return std::find_if(first, first + count, [=](std::byte b) { return b != pattern; });
}

} // namespace

void guarded_block::fill_allocated() const noexcept {
  fill(front_guard(), guard_bytes, checked_resource::guard_fill);
  fill(address, size, checked_resource::allocated_fill);
  fill(end(), guard_bytes, checked_resource::guard_fill);
}

void guarded_block::fill_freed() const noexcept {
  fill(front_guard(), guard_bytes, checked_resource::guard_fill);
  fill(address, size, checked_resource::freed_fill);
  fill(end(), guard_bytes, checked_resource::guard_fill);
}

const std::byte* guarded_block::overrun() const noexcept {
  return first_other(end(), guard_bytes, checked_resource::guard_fill);
}

const std::byte* guarded_block::underrun() const noexcept {
  if (is_filled(front_guard(), guard_bytes, checked_resource::guard_fill)) return nullptr;
  const std::byte* last = address - 1;
  while (*last == checked_resource::guard_fill) --last;
  return last;
}

const std::byte* guarded_block::late_write() const noexcept {
  if (const std::byte* const p = first_other(address, size, checked_resource::freed_fill)) return p;
  const std::byte* const p = underrun();
  return p != nullptr ? p : overrun();
}

} // namespace quarry::detail
