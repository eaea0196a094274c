// How blocks come back to a pool core: to their slabs or the nursery; bad ones are dropped and reported.
#include <cstdio>

#include "pool_core.hpp"

namespace quarry::detail {

// Where frees into magazines are counted one by one, so is this.
void pool_core::deallocate(size_class c, void* block) noexcept {
  if (settling() && !pools_.draining(c)) usage_.note_freed(block_sizes[c]);
  flush(c, &block, 1);
}

void pool_core::flush(size_class c, void* const* blocks, std::size_t count) noexcept {
  flushed f;
  flush_into(f, c, blocks, count);
  finish(f);
}

void pool_core::flush_into(flushed& f, size_class c, void* const* blocks, std::size_t count) noexcept {
  f.some = true;
  bad_block bad[most_at_once];
  void* addresses[most_at_once];
  if (recorded_) {
    for (std::size_t i = 0; i < count; ++i)
      addresses[i] = static_cast<block_record*>(blocks[i])->address.load_relaxed();
    blocks = addresses;
  }
  pool* const p = pools_.find(c);
  std::size_t bad_count = 0;
  if (p != nullptr) {
    bad_count = p->flush(blocks, count, f.emptied, bad);
    f.reserved = f.reserved || p->reserved() != 0;
  } else {
    for (; bad_count < count; ++bad_count)
      bad[bad_count] = {blocks[bad_count], false, source_.find(blocks[bad_count])};
  }
  if (bad_count != 0) bad_count = flush_to_nursery(c, bad, bad_count);
  if (bad_count != 0) dropped_.fetch_add(bad_count, std::memory_order_relaxed);
  for (std::size_t i = 0; i < bad_count; ++i) {
    if (f.bad_count < flushed::most_bad)
      f.bad[f.bad_count++] = {bad[i].address, c, kind_of(bad[i])};
    else
      ++f.unlisted;
  }
}

void pool_core::finish(flushed& f, bool keep_chunks) noexcept {
  keep_chunks = keep_chunks || f.reserved || !f.some; // of what was not freed nothing can be due
  const std::size_t slabs = f.emptied != nullptr ? source_.give(f.emptied) : 0;
  if (!keep_chunks) {
    source_.tick(slabs);
    if (nursery_.is_idle()) give_empty_nursery(0);
  }
  for (std::size_t i = 0; i < f.bad_count; ++i) report_bad(f.bad[i].kind, f.bad[i].address, f.bad[i].c);
  if (f.unlisted != 0) report_unlisted(f);
}

// While the slab that it lies in is still there: finish() may give that away.
violation_kind pool_core::kind_of(const bad_block& bad) const noexcept {
  if (bad.listed_free) return violation_kind::double_free;
  const bool in_slab = bad.in != nullptr && bad.in->index_of(bad.address) != slab::most_blocks;
  return in_slab || class_in_nursery(bad.address) != size_class_count ? violation_kind::wrong_size
                                                                      : violation_kind::foreign_pointer;
}

void pool_core::report_bad(violation_kind kind, const void* address, size_class c) noexcept {
  const char* const what = kind == violation_kind::double_free ? "a block was freed that is free"
                           : kind == violation_kind::wrong_size
                               ? "a block was freed with the size of another class"
                               : "an address was freed where no block of this pool starts";
  report_violation(kind, address, block_sizes[c], natural_alignment_of(c), what);
}

// Once for all, as one more of the last kind.
void pool_core::report_unlisted(const flushed& f) noexcept {
  const auto& last = f.bad[f.bad_count - 1];
  char message[64];
  std::snprintf(message, sizeof(message), "%zu more bad frees were found with these", f.unlisted);
  report_violation(last.kind, nullptr, block_sizes[last.c], natural_alignment_of(last.c), message);
}

void pool_core::deallocate_oversized(void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const oversized::outcome outcome = oversized_.deallocate(p, bytes, alignment);
  if (outcome == oversized::outcome::freed) return;
  dropped_.fetch_add(1, std::memory_order_relaxed);
  if (outcome == oversized::outcome::wrong_size)
    report_violation(violation_kind::wrong_size, p, bytes, alignment,
                     "an oversized block was freed with another size");
  else if (outcome == oversized::outcome::wrong_alignment)
    report_violation(violation_kind::wrong_alignment, p, bytes, alignment,
                     "an oversized block was freed with another alignment");
  else if (source_.find(p) != nullptr || nursery_.spans(p))
    report_violation(violation_kind::wrong_size, p, bytes, alignment,
                     "a pooled block was freed with an oversized size");
  else
    report_violation(violation_kind::foreign_pointer, p, bytes, alignment,
                     "an oversized block was freed that this pool does not have");
}

} // namespace quarry::detail
