#include <quarry/segment_chain.hpp>

#include <algorithm>
#include <stdexcept>

#include <quarry/segment_pool.hpp>

namespace quarry {

namespace {

// Sizes of new segments: at the end as much as the chain has, at the front twice the one before.
constexpr std::size_t least_at_end = 4096, least_at_front = 256;

std::byte* begin_of(const iovec& view) noexcept { return static_cast<std::byte*>(view.iov_base); }
std::byte* end_of(const iovec& view) noexcept { return begin_of(view) + view.iov_len; }
void drop_front(iovec& view, std::size_t count) noexcept {
  view = {begin_of(view) + count, view.iov_len - count};
}

/// A segment with all its bytes, for a chain to write to and for others to read what was written.
struct fresh_segment {
  std::byte* data;
  std::size_t capacity;
  shared_segment owner;

  explicit fresh_segment(segment&& s) : data(s.data()), capacity(s.capacity()) {
    s.resize(capacity);
    owner = std::move(s).share();
  }
  fresh_segment(segment_pool& pool, std::size_t needed, std::size_t wanted)
      : fresh_segment(
            pool.allocate_segment(std::min(std::max(needed, wanted), pool.options().largest_segment))) {}
};

} // namespace

void segment_chain::swap(segment_chain& other) noexcept {
  std::swap(pool_, other.pool_);
  pieces_.swap(other.pieces_);
  std::swap(before_back_, other.before_back_);
  std::swap(room_, other.room_);
  std::swap(room_end_, other.room_end_);
  std::swap(front_room_, other.front_room_);
}

// What every change ends with; no room: null.
void segment_chain::set(std::size_t size, std::byte* room_end) noexcept {
  before_back_ = size - pieces_.back().iov_len;
  room_ = end_of(pieces_.back());
  room_end_ = room_end == nullptr ? room_ : room_end;
}

// What fills the room shows only when the rest has its segments.
void segment_chain::append_cold(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::size_t before = pieces_.size(), old_size = size();
  std::byte* room_end = room_end_;
  const auto fits = bytes.first(static_cast<std::size_t>(room_end_ - room_));
  std::copy(fits.begin(), fits.end(), room_);
  try {
    for (auto rest = bytes.subspan(fits.size()); !rest.empty();) {
      pieces_.reserve(*pool_, 0, 1);
      fresh_segment fresh(*pool_, rest.size(), std::max(least_at_end, old_size));
      const auto part = rest.first(std::min(rest.size(), fresh.capacity));
      std::copy(part.begin(), part.end(), fresh.data);
      room_end = fresh.data + fresh.capacity;
      pieces_.push_back(std::move(fresh.owner), fresh.data, part.size());
      rest = rest.subspan(part.size());
    }
  } catch (...) {
    while (pieces_.size() != before) pieces_.pop_back();
    throw;
  }
  if (!fits.empty()) pieces_.view(before - 1).iov_len += fits.size();
  set(old_size + bytes.size(), room_end);
}

void segment_chain::prepend(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::size_t before = pieces_.size(), old_size = size();
  std::byte* const end = front_room_ == nullptr ? nullptr : begin_of(pieces_.view(0));
  const auto fits = bytes.last(std::min(bytes.size(), static_cast<std::size_t>(end - front_room_)));
  std::copy_backward(fits.begin(), fits.end(), end);
  std::byte* front_room = front_room_;
  try {
    for (auto rest = bytes.first(bytes.size() - fits.size()); !rest.empty();) {
      pieces_.reserve(*pool_, 1, 0);
      const std::size_t wanted = front_room == nullptr ? least_at_front : 2 * pieces_.owner(0).size();
      fresh_segment fresh(*pool_, rest.size(), wanted);
      const auto part = rest.last(std::min(rest.size(), fresh.capacity));
      std::byte* const first = fresh.data + fresh.capacity - part.size();
      std::copy(part.begin(), part.end(), first);
      front_room = fresh.data;
      pieces_.push_front(std::move(fresh.owner), first, part.size());
      rest = rest.first(rest.size() - part.size());
    }
  } catch (...) {
    while (pieces_.size() != before) pieces_.pop_front();
    throw;
  }
  if (!fits.empty()) {
    iovec& view = pieces_.view(pieces_.size() - before);
    view = {begin_of(view) - fits.size(), view.iov_len + fits.size()};
  }
  front_room_ = front_room;
  set(old_size + bytes.size(), room_end_);
}

void segment_chain::push_back(segment&& bytes) {
  const std::size_t used = bytes.size(), old_size = size();
  if (used == 0) return bytes = {}, void();
  pieces_.reserve(*pool_, 0, 1);
  fresh_segment all(std::move(bytes));
  pieces_.push_back(std::move(all.owner), all.data, used);
  set(old_size + used, all.data + all.capacity);
}

void segment_chain::push_back(shared_segment&& bytes) {
  const std::size_t old_size = size();
  const auto view = bytes.span();
  if (view.empty()) return;
  pieces_.reserve(*pool_, 0, 1);
  pieces_.push_back(std::move(bytes), view.data(), view.size());
  set(old_size + view.size(), nullptr);
}

void segment_chain::consume(std::size_t count) {
  const std::size_t old_size = size();
  if (count > old_size) throw std::out_of_range("quarry::segment_chain::consume: more than the chain has");
  if (count == 0) return;
  front_room_ = nullptr;
  std::size_t left = count;
  for (; left != 0 && left >= pieces_.view(0).iov_len; pieces_.pop_front()) left -= pieces_.view(0).iov_len;
  if (left != 0) drop_front(pieces_.view(0), left);
  if (count == old_size) pieces_.rest();
  set(old_size - count, count == old_size ? nullptr : room_end_);
}

segment_chain segment_chain::split(std::size_t count) {
  const std::size_t old_size = size();
  if (count > old_size) throw std::out_of_range("quarry::segment_chain::split: more than the chain has");
  segment_chain first(*pool_);
  if (count == 0) return first;
  if (count == old_size) {
    first.swap(*this);
    return first;
  }
  std::size_t whole = 0, rest = count;
  for (; rest >= pieces_.view(whole).iov_len; ++whole) rest -= pieces_.view(whole).iov_len;
  first.pieces_.reserve(*pool_, 0, whole + (rest != 0));
  for (std::size_t i = 0; i != whole; ++i) {
    const iovec view = pieces_.view(0);
    first.pieces_.push_back(std::move(pieces_.owner(0)), begin_of(view), view.iov_len);
    pieces_.pop_front();
  }
  if (rest != 0) {
    first.pieces_.push_back(shared_segment(pieces_.owner(0)), begin_of(pieces_.view(0)), rest);
    drop_front(pieces_.view(0), rest);
  }
  first.front_room_ = std::exchange(front_room_, nullptr);
  first.set(count, nullptr);
  set(old_size - count, room_end_);
  return first;
}

segment_chain segment_chain::share() const {
  segment_chain all(*pool_);
  all.pieces_.reserve(*pool_, 0, pieces_.size());
  const auto views = pieces();
  for (std::size_t i = 0; i != views.size(); ++i)
    all.pieces_.push_back(shared_segment(pieces_.owner(i)), begin_of(views[i]), views[i].iov_len);
  all.set(size(), nullptr);
  return all;
}

} // namespace quarry
