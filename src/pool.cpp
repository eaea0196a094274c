#include <quarry/pool.hpp>

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace quarry::detail {

namespace {

constexpr std::size_t good_yield = 8; // blocks that make a visit to a slab worth while
constexpr std::size_t least_at_once = 4;

} // namespace

// ---- taking -------------------------------------------------------------------------------------------------------

std::size_t pool::refill(void** out, std::size_t count) {
  std::size_t class_bytes;
  {
    const std::lock_guard guard(mutex_);
    count = fair_count(count);
    if (const std::size_t taken = take_from_slabs(out, count); taken != 0) return taken;
    class_bytes = carved_ * block_sizes[class_];
  }
  slab& s = source_.take(class_, class_bytes);
  const std::lock_guard guard(mutex_);
  add(s);
  return take_from(s, out, count);
}

// A class of a few blocks takes a few at once, so that what lies in magazines stays a small part of it.
std::size_t pool::fair_count(std::size_t count) const noexcept {
  return std::min(count, std::max(least_at_once, (carved_ - free_) / 8));
}

std::size_t pool::take_from_slabs(void** out, std::size_t count) noexcept {
  std::size_t taken = 0;
  for (int visits = 0; visits < 2 && taken < count; ++visits) {
    slab* const s = fullest_with(draining() ? 1 : std::min(good_yield, count - taken));
    if (s == nullptr) break;
    taken += take_from(*s, out + taken, count - taken);
  }
  return taken;
}

std::size_t pool::take_from(slab& s, void** out, std::size_t count) noexcept {
  const std::size_t taken = s.take(out, count);
  free_ -= taken;
  relist(s);
  note_occupancy();
  usage_.add(taken * block_sizes[class_]);
  return taken;
}

// The fullest slab that has `wanted` free blocks as far as the heads of the lists tell, else the emptiest.
slab* pool::fullest_with(std::size_t wanted) const noexcept {
  slab* best = nullptr;
  for (std::size_t b = 1; b < bucket_count; ++b) {
    slab* const s = buckets_[b].front();
    if (s == nullptr) continue;
    best = s;
    if (s->free_count >= wanted) break;
  }
  return best;
}

// ---- giving back ---------------------------------------------------------------------------------------------------

std::size_t pool::flush(void* const* blocks, std::size_t count, slab*& emptied, bad_block* bad) noexcept {
  slab* found[most_at_once];
  find_slabs(blocks, count, found);
  std::size_t bad_count = 0;
  const std::lock_guard guard(mutex_);
  for (std::size_t i = 0; i < count;) {
    slab* const s = found[i];
    const bool ours = s != nullptr && s->block_class() == class_;
    for (; i < count && found[i] == s; ++i) {
      const std::size_t index = ours ? s->index_of(blocks[i]) : slab::most_blocks;
      if (index == slab::most_blocks || s->is_free(index))
        bad[bad_count++] = {blocks[i], index != slab::most_blocks, s};
      else
        s->give(index);
    }
    if (ours && s->bucket != slab::no_bucket) settle(*s, emptied);
  }
  free_ += count - bad_count;
  usage_.subtract((count - bad_count) * block_sizes[class_]);
  note_occupancy();
  return bad_count;
}

// All look-ups before the first use, so that their cache misses overlap.
void pool::find_slabs(void* const* blocks, std::size_t count, slab** found) const noexcept {
  slab* last = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    if (last == nullptr || !last->spans(blocks[i])) {
      last = source_.find(blocks[i]);
      if (last != nullptr) __builtin_prefetch(last, 1);
    }
    found[i] = last;
  }
}

// After blocks came back: the slab changes lists, or leaves when it is empty.
void pool::settle(slab& s, slab*& emptied) noexcept {
  if (!s.empty() || !may_go(s)) return relist(s);
  buckets_[s.bucket].remove(s);
  s.bucket = slab::no_bucket;
  --slabs_;
  carved_ -= s.blocks;
  free_ -= s.blocks;
  s.next = emptied;
  emptied = &s;
}

bool pool::may_go(const slab& s) const noexcept { return carved_ - s.blocks >= reserved(); }

void pool::reserve(std::size_t blocks) {
  slab* added = nullptr;
  std::size_t more = 0;
  const auto give_back = [&] {
    if (added != nullptr) source_.give(added);
  };
  try {
    for (;;) {
      {
        const std::lock_guard guard(mutex_);
        if (carved_ + more >= blocks) {
          reserved_.store(std::max(reserved(), blocks), std::memory_order_relaxed);
          while (added != nullptr) {
            slab& s = *added;
            added = s.next;
            add(s);
          }
          return;
        }
      }
      slab& s = source_.take(class_, blocks * block_sizes[class_]);
      more += s.blocks;
      s.next = added;
      added = &s;
    }
  } catch (...) {
    give_back();
    throw;
  }
}

// ---- lists ---------------------------------------------------------------------------------------------------------

void pool::add(slab& s) noexcept {
  ++slabs_;
  carved_ += s.blocks;
  free_ += s.blocks;
  s.bucket = static_cast<std::uint8_t>(bucket_of(s));
  buckets_[s.bucket].push_front(s);
}

void pool::relist(slab& s) noexcept {
  const std::size_t bucket = bucket_of(s);
  if (bucket == s.bucket) return;
  buckets_[s.bucket].remove(s);
  s.bucket = static_cast<std::uint8_t>(bucket);
  buckets_[bucket].push_front(s);
}

// When much is held in vain and this class has a part in it. Enters at a quarter free and leaves at an eighth, so that
// the mode does not flap.
void pool::note_occupancy() noexcept {
  constexpr std::size_t worth_it = 16384;
  const bool was = draining_.load(std::memory_order_relaxed);
  const std::size_t idle = carved_ > reserved() ? free_ : 0;
  const bool now =
      idle * (was ? 8 : 4) > carved_ && idle * block_sizes[class_] > worth_it && source_.holds_much_in_vain();
  if (now != was) draining_.store(now, std::memory_order_relaxed);
}

pool::counts pool::count() const noexcept {
  const std::lock_guard guard(mutex_);
  return {slabs_, carved_, free_};
}

void pool::check_invariants() const {
  const std::lock_guard guard(mutex_);
  std::size_t slabs = 0, carved = 0, free = 0;
  for (std::size_t b = 0; b < bucket_count; ++b)
    for (const slab* s = buckets_[b].front(); s != nullptr; s = s->next) {
      s->check_invariants();
      if (s->block_class() != class_) throw std::logic_error("quarry: a slab is in a pool of another class");
      if (s->bucket != b || bucket_of(*s) != b) throw std::logic_error("quarry: a slab is in the wrong bucket");
      ++slabs;
      carved += s->blocks;
      free += s->free_count;
    }
  if (slabs != slabs_ || carved != carved_ || free != free_)
    throw std::logic_error("quarry: a pool's blocks are miscounted");
}

} // namespace quarry::detail
