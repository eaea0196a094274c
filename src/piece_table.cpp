#include <quarry/piece_table.hpp>

#include <algorithm>
#include <memory>

#include <quarry/segment_pool.hpp>

namespace quarry::detail {

piece_table::~piece_table() { std::destroy_n(owners_, capacity_); }

void piece_table::swap(piece_table& other) noexcept {
  memory_.swap(other.memory_);
  std::swap(views_, other.views_);
  std::swap(owners_, other.owners_);
  std::swap(back_, other.back_);
  std::swap(first_, other.first_);
  std::swap(last_, other.last_);
  std::swap(capacity_, other.capacity_);
}

// Room that is left goes to both ends alike, so that a move happens once for many pieces, wherever they come.
void piece_table::reserve(segment_pool& pool, std::size_t at_front, std::size_t at_back) {
  if (first_ >= at_front && capacity_ - last_ >= at_back) return;
  const std::size_t needed = at_front + size() + at_back;
  if (needed > capacity_ / 2) grow(pool, std::max(least, 2 * needed));
  move_to(at_front + (capacity_ - needed) / 2);
}

void piece_table::grow(segment_pool& pool, std::size_t capacity) {
  segment memory = pool.allocate_segment(capacity * (sizeof(iovec) + sizeof(shared_segment)));
  piece_table larger;
  larger.views_ = reinterpret_cast<iovec*>(memory.data());
  larger.owners_ = reinterpret_cast<shared_segment*>(larger.views_ + capacity);
  larger.memory_ = std::move(memory);
  larger.capacity_ = capacity;
  std::uninitialized_default_construct_n(larger.views_, capacity);
  std::uninitialized_value_construct_n(larger.owners_, capacity);
  larger.last_ = size();
  std::copy(views_ + first_, views_ + last_, larger.views_);
  std::move(owners_ + first_, owners_ + last_, larger.owners_);
  swap(larger);
}

void piece_table::move_to(std::size_t first) noexcept {
  const std::size_t last = first + size();
  if (first < first_) {
    std::copy(views_ + first_, views_ + last_, views_ + first);
    std::move(owners_ + first_, owners_ + last_, owners_ + first);
  } else {
    std::copy_backward(views_ + first_, views_ + last_, views_ + last);
    std::move_backward(owners_ + first_, owners_ + last_, owners_ + last);
  }
  first_ = first;
  last_ = last;
  find_back();
}

} // namespace quarry::detail
