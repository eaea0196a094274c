#include "nursery.hpp"

#include <stdexcept>

namespace quarry::detail {

// ---- its memory

void nursery::add(void* memory, std::size_t bytes) noexcept {
  while (pieces_[next_].bytes() != bytes) next_ += 1;
  current_ = &pieces_[next_];
  current_->add(memory, most_blocks_);
  open_window(current_->first(), current_->end());
  next_ += 1;
  limit_ = largest_;
}

nursery::pieces_of_memory nursery::remove() noexcept {
  closed_ = false;
  return remove_if([](const nursery_piece&) { return true; });
}

nursery::pieces_of_memory nursery::remove_empty(std::size_t keep_bytes) noexcept {
  std::size_t left = 0;
  for (const nursery_piece& p : pieces_)
    if (p.is_there() && p.used() == 0) left += p.bytes();
  return remove_if([&](const nursery_piece& p) {
    const bool goes = p.used() == 0 && left - p.bytes() >= keep_bytes;
    if (goes) left -= p.bytes();
    return goes;
  });
}

template <class Predicate>
nursery::pieces_of_memory nursery::remove_if(Predicate goes) noexcept {
  pieces_of_memory removed;
  for (std::size_t i = next_; i-- > 0;) { // the largest first
    nursery_piece& p = pieces_[i];
    if (!p.is_there() || !goes(p)) continue;
    removed.pieces[removed.count++] = {p.memory(), p.bytes()};
    p.remove();
  }
  if (!current_->is_there()) close_window();
  while (next_ != 0 && !pieces_[next_ - 1u].is_there()) next_ -= 1;
  limit_ = closed_ || next_ == 0 ? std::uint16_t{0} : largest_;
  idle_ = closed_ && has_empty_piece();
  return removed;
}

// ---- holes

void* nursery::allocate(size_class c) noexcept {
  if (block_sizes[c] > largest_) return nullptr;
  if (void* const block = allocate_in_rest(c)) return block;
  if (void* const block = allocate_in_hole(c)) return block;
  if (pieces_[0].suits(c) && wanted_bytes(c) == 0) close();
  return nullptr;
}

// From the window on, up to the end of the piece.
void* nursery::allocate_in_rest(size_class c) noexcept {
  do {
    if (void* const block = allocate_in_window(c)) return block;
  } while (open_next_window());
  return nullptr;
}

// Where nothing came of it once there will be no other piece, it is not tried again soon.
void* nursery::allocate_in_hole(size_class c) noexcept {
  constexpr std::uint8_t soon = 16;
  if (calls_to_wait_ != 0) {
    --calls_to_wait_;
    return nullptr;
  }
  if (begin_anew())
    if (void* const block = allocate_in_rest(c)) return block;
  if (closed_) calls_to_wait_ = soon;
  return nullptr;
}

void* nursery::allocate_in_any_hole(size_class c) noexcept {
  if (block_sizes[c] > largest_) return nullptr;
  for (nursery_piece& p : pieces_) {
    if (!p.is_there() || !p.may_start()) continue;
    begin_anew(p);
    if (void* const block = allocate_in_rest(c)) return block;
  }
  return nullptr;
}

// The next hole of the piece. False at its end.
bool nursery::open_next_window() noexcept {
  if (!current_->is_there() || !current_->may_start()) return false;
  const std::byte* const from = current_->end_of_used(end_);
  if (from == current_->end()) return false;
  open_window(from, current_->next_used(from));
  return true;
}

// At the beginning of the largest piece of which much is free: half, or a quarter once there will be no
// other. False when there is none.
bool nursery::begin_anew() noexcept {
  for (std::size_t i = next_; i-- > 0;) {
    nursery_piece& p = pieces_[i];
    if (!p.is_there() || !p.may_start() || p.free() < p.units() / (closed_ ? 8 : 2)) continue;
    begin_anew(p);
    return true;
  }
  return false;
}

void nursery::begin_anew(nursery_piece& p) noexcept {
  current_ = &p;
  open_window(p.first(), p.first());
}

std::size_t nursery::wanted_bytes(size_class c) const noexcept {
  if (closed_ || block_sizes[c] > largest_) return 0;
  std::size_t next = next_;
  while (may_have(next) && !pieces_[next].suits(c)) ++next;
  return may_have(next) ? pieces_[next].bytes() : 0;
}

void nursery::close() noexcept {
  closed_ = true;
  limit_ = 0;
  idle_ = has_empty_piece();
}

bool nursery::has_empty_piece() const noexcept {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [](const nursery_piece& p) { return p.is_there() && p.used() == 0; });
}

// ---- seeing

void nursery::check_invariants() const {
  for (const nursery_piece& p : pieces_) p.check_invariants();
  if (limit_ != (closed_ || next_ == 0 ? 0 : largest_))
    throw std::logic_error("quarry: a nursery's limit is wrong");
  if (closed_ && has_empty_piece() && !idle_) throw std::logic_error("quarry: a nursery is idle unnoticed");
  for_each([this](const std::byte* block, size_class, std::size_t bytes) {
    if (address_of(block) < end_ && address_of(block) + bytes > top_)
      throw std::logic_error("quarry: a block in use lies in a nursery's window");
  });
}

} // namespace quarry::detail
