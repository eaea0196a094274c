#include "bookkeeping.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace quarry::detail {

namespace {

constexpr std::size_t first_block = 1024;  // three pools with a slab each, their chunk and the address map
constexpr std::size_t second_block = 2048; // a dozen with a slab or two each and their chunks
constexpr std::size_t small_lists = 9;     // 1 to 9 lines; then come 16 lines and its doubles

std::size_t lines_of(std::size_t bytes) noexcept {
  return (bytes + bookkeeping::line - 1) / bookkeeping::line;
}

} // namespace

std::size_t bookkeeping::list_of(std::size_t bytes) noexcept {
  const std::size_t lines = lines_of(bytes);
  if (lines <= small_lists) return lines;
  return small_lists + 1 + static_cast<std::size_t>(std::bit_width((lines - 1) / 16));
}

std::size_t bookkeeping::bytes_in(std::size_t list) noexcept {
  return list <= small_lists ? list * line : (16 * line) << (list - small_lists - 1);
}

// A share of what is held, so that the newest block is a small part of it.
std::size_t bookkeeping::next_block_size(std::size_t bytes, std::size_t held) const noexcept {
  const std::size_t needed = piece_of(bytes) + line;
  const std::size_t least = held < first_block ? first_block : second_block;
  const std::size_t share = std::clamp(std::bit_floor((held >> share_) + 1), least, largest_piece);
  return std::max(needed, share);
}

std::uint32_t bookkeeping::lists() const noexcept {
  std::uint32_t bits = 0;
  for (std::size_t list = 0; list < list_count; ++list)
    bits |= static_cast<std::uint32_t>(free_[list] != nullptr) << list;
  return bits;
}

void* bookkeeping::take_of_list(std::size_t list) noexcept {
  piece*& first = free_[list];
  return first == nullptr ? nullptr : std::exchange(first, first->next);
}

void* bookkeeping::take_again(std::size_t bytes) noexcept { return take_of_list(list_of(bytes)); }

void* bookkeeping::take(std::size_t bytes) noexcept {
  if (void* const again = take_again(bytes)) return again;
  const std::size_t size = piece_of(bytes);
  if (rest_bytes_ < size) return nullptr;
  rest_bytes_ -= static_cast<std::uint32_t>(size);
  return rest_ + rest_bytes_;
}

bool bookkeeping::has(std::size_t bytes) const noexcept {
  return free_[list_of(bytes)] != nullptr || rest_bytes_ >= piece_of(bytes);
}

void bookkeeping::give_to_list(std::size_t list, void* memory) noexcept {
  free_[list] = ::new (memory) piece{free_[list]};
}

// What is left of the block before goes to the free lists, so that nothing of it is lost.
void bookkeeping::add(void* memory, std::size_t size) noexcept {
  while (rest_bytes_ != 0) {
    const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(rest_bytes_, small_lists * line));
    rest_bytes_ -= part;
    give(rest_ + rest_bytes_, part);
  }
  blocks_ = ::new (memory) block{blocks_, size};
  rest_ = static_cast<std::byte*>(memory) + line;
  rest_bytes_ = static_cast<std::uint32_t>(size - line);
}

void bookkeeping::release_all(upstream& up) noexcept {
  block* next = blocks_;
  *this = bookkeeping(share_);
  while (next != nullptr) {
    block* const dead = next;
    next = dead->next;
    up.deallocate(dead, dead->size, line);
  }
}

} // namespace quarry::detail
