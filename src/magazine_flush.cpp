#include "magazine_flush.hpp"

#include <algorithm>
#include <stdexcept>

namespace quarry::detail {

namespace {

enum class whereto { slabs, depot };

void empty(pool_core& core, pool_core::flushed& f, magazine_set& set, size_class c, whereto to) noexcept {
  void* blocks[pool::most_at_once];
  while (const std::size_t count = std::min(set.count(c), pool::most_at_once)) {
    set.take_oldest(c, blocks, count);
    const bool hands_on = to == whereto::depot && !core.pools().draining(c) && !core.settling();
    const std::size_t handed_on = hands_on ? core.put_into_depot(f, c, blocks, count) : 0;
    if (handed_on != count) core.flush_into(f, c, blocks + handed_on, count - handed_on);
  }
}

} // namespace

void flush_class(pool_core& core, pool_core::flushed& f, magazine_set& set, size_class c) noexcept {
  empty(core, f, set, c, whereto::slabs);
}

void flush_set(pool_core& core, pool_core::flushed& f, magazine_set& set) noexcept {
  for (size_class c = 0; c < magazine_count; ++c) flush_class(core, f, set, c);
}

void hand_on_class(pool_core& core, pool_core::flushed& f, magazine_set& set, size_class c) noexcept {
  empty(core, f, set, c, whereto::depot);
}

void hand_on_set(pool_core& core, pool_core::flushed& f, magazine_set& set) noexcept {
  for (size_class c = 0; c < magazine_count; ++c) hand_on_class(core, f, set, c);
}

void check_set(const pool_core& core, const magazine_set& set) {
  set.check_invariants();
  const char* wrong = nullptr;
  for (size_class c = 0; c < magazine_count; ++c)
    set.for_each_block(c, [&](void* block) {
      if (const char* const what = core.wrong_with_cached(c, block)) wrong = what;
    });
  if (wrong != nullptr) throw std::logic_error(wrong);
}

} // namespace quarry::detail
