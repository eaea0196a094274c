// On which shelf a pool's slabs stand, and whether it should drain.
#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "pool.hpp"

namespace quarry::detail {

namespace {

constexpr std::size_t worth_draining = 16384; // bytes in vain of one class

} // namespace

// From how many free blocks on: a quarter of the slab, or 8.
std::size_t pool::worth_a_visit(const slab& s) noexcept {
  return std::min(most_worth_a_visit, (std::size_t{s.blocks} + 3) / 4);
}

pool::shelf_kind pool::shelf_of(const slab& s) const noexcept {
  if (s.free_count == 0) return full;
  return draining() || s.free_count >= worth_a_visit(s) ? many : few;
}

void pool::add(slab& s) noexcept {
  ++slabs_;
  carved_ += s.blocks;
  free_ += s.free_count;
  put_on_shelf(s, shelf_of(s));
}

void pool::reshelve(slab& s) noexcept {
  const shelf_kind now = shelf_of(s);
  if (now == s.shelf) return;
  take_off_shelf(s);
  put_on_shelf(s, now);
}

void pool::put_on_shelf(slab& s, shelf_kind shelf) noexcept {
  s.shelf = shelf & 7;
  if (shelf == many)
    many_.insert(s);
  else if (shelf == few)
    few_.push(s);
}

void pool::take_off_shelf(slab& s) noexcept {
  if (s.shelf == many)
    many_.erase(s);
  else if (s.shelf == few)
    few_.remove(s);
  s.shelf = slab::no_shelf;
}

// When much is held in vain and this class has a part in it: by free blocks in its slabs (from a quarter to
// an eighth, so that the mode does not flap), or by slabs scattered over chunks that are else empty.
void pool::note_occupancy() noexcept {
  const bool was = draining();
  const bool in_vain = source_.should_drain();
  if (!in_vain || carved_ < least_carved_) {
    least_carved_ = in_vain ? carved_ : ~std::size_t{0};
    came_back_ = 0;
  }
  const bool now = in_vain && has_part_in_vain(was) && !drains_to_no_end();
  if (now != was) draining_.store(now, std::memory_order_relaxed);
}

bool pool::has_part_in_vain(bool drains_already) const noexcept {
  const std::size_t worth_it =
      usage_.has_fallen() ? std::min(worth_draining, usage_.used() / 512) : worth_draining;
  const std::size_t block = block_sizes[class_];
  const std::size_t idle = carved_ > reserved() ? free_ : 0;
  if (idle * (drains_already ? 8 : 4) > carved_ && idle * block > worth_it) return true;
  return source_.scattered() && reserved() == 0 && (source_.places_low() || carved_ * block > worth_it);
}

// The same few blocks come and go, beside others that stay: eight times as many came back as there are, those
// that lay together counted eightfold, and there are not fewer slabs for it. As with all of them, see thrift:
// then it is tried for an eighth of the time.
bool pool::drains_to_no_end() const noexcept { return came_back_ / (8 * carved_ + 512) % 8 != 0; }

pool::counts pool::count() const noexcept {
  const std::lock_guard guard(mutex_);
  return {slabs_, carved_, free_};
}

void pool::check_invariants() const {
  const std::lock_guard guard(mutex_);
  std::size_t slabs = 0, carved = 0, free = 0, in_order = 0, in_list = 0;
  visit_slabs([&](const slab& s) {
    s.check_invariants();
    ++slabs;
    carved += s.blocks;
    free += s.free_count;
    in_order += s.shelf == many;
    in_list += s.shelf == few;
    if ((s.shelf == full) != (s.free_count == 0) || (s.shelf == few && s.free_count >= worth_a_visit(s)))
      throw std::logic_error("quarry: a slab is on the wrong shelf");
  });
  many_.for_each([&](const slab& s) { in_order -= s.shelf == many; });
  for (const slab* s = few_.first(); s != nullptr; s = s->right) in_list -= s->shelf == few;
  if (in_order != 0 || in_list != 0) throw std::logic_error("quarry: a slab is not where its shelf says");
  if (slabs != slabs_ || carved != carved_ || free != free_)
    throw std::logic_error("quarry: a pool's blocks are miscounted");
}

} // namespace quarry::detail
