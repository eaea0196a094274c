#include "pool_core.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>

#include "poison.hpp"
#include <quarry/violation.hpp>

namespace quarry::detail {

namespace {

constexpr std::size_t default_largest_block = 32768;
constexpr std::size_t default_blocks_per_chunk = 8192;  // of 8 bytes are 64 KiB, the largest chunk
constexpr std::uint16_t most_recorded_blocks = 248;     // with the slab's descriptor they make 4 KiB
constexpr std::size_t least_limit_for_depots = 8 << 20; // a kilobyte for each class is a small part of it

} // namespace

std::pmr::pool_options normalized(std::pmr::pool_options options) noexcept {
  std::size_t& largest = options.largest_required_pool_block;
  if (largest == 0) largest = default_largest_block;
  largest = block_size_of(size_class_of(std::min(largest, largest_block_size), 1));
  std::size_t& blocks = options.max_blocks_per_chunk;
  if (blocks == 0 || blocks > default_blocks_per_chunk) blocks = default_blocks_per_chunk;
  return options;
}

pool_core::pool_core(std::pmr::pool_options options, std::pmr::memory_resource* up, bool shared) noexcept
    : options_(normalized(options)), shared_(shared), may_have_depots_(shared), upstream_(up, shared),
      usage_(shared), source_(upstream_, usage_,
                              {.blocks_per_chunk = static_cast<std::uint32_t>(options_.max_blocks_per_chunk),
                               .spare_bookkeeping = static_cast<std::uint16_t>(shared ? depot_bytes : 0)},
                              shared),
      oversized_(upstream_, usage_, shared), early_mutex_(shared) {}

pool_core::pool_core(const recorded& r, std::pmr::memory_resource* up) noexcept
    : options_{0, r.largest_block}, shared_(true), recorded_(true),
      may_have_depots_(r.limit >= least_limit_for_depots), upstream_(up, r.limit, r.regions), usage_(true),
      source_(upstream_, usage_,
              {.first_chunk = static_cast<std::uint32_t>(r.slab_size),
               .largest_chunk = static_cast<std::uint32_t>(r.slab_size),
               .blocks_per_chunk = static_cast<std::uint32_t>(r.slab_size),
               .blocks_per_slab = most_recorded_blocks,
               .spare_bookkeeping = static_cast<std::uint16_t>(may_have_depots_ ? depot_bytes : 0),
               .recorded_slabs = &r.slabs},
              true, r.retained),
      oversized_(upstream_, usage_, true), early_mutex_(true) {}

pool_core::~pool_core() {
  release_all();
  if (quarantine* const q = quarantine_.load(std::memory_order_acquire)) quarantine::destroy(q);
}

// A request for nothing gets a block like one for a byte.
size_class pool_core::class_of(std::size_t bytes, std::size_t alignment) const noexcept {
  bytes = std::max<std::size_t>(bytes, 1);
  return poisoning() ? class_with_tail(bytes, alignment) : size_class_of(bytes, alignment);
}

// As much as may be asked for, in the alignment, without being served from another class, or by upstream.
std::size_t pool_core::good_size(std::size_t bytes, std::size_t alignment) const noexcept {
  if (!pooled(last_byte_of(std::max<std::size_t>(bytes, 1), alignment), alignment)) return bytes;
  const std::size_t block = block_sizes[class_of(bytes, alignment)];
  if (!poisoning()) return block;
  const std::size_t most = options_.largest_required_pool_block & ~(alignment - 1);
  return std::max(bytes, std::min(block - poisoned_tail, most));
}

// Pools of classes that are never asked for are never made. Two threads may make one at once: one of them is
// used.
pool& pool_core::make_pool(size_class c) {
  void* const piece = source_.take_bookkeeping(sizeof(pool));
  auto* const made = ::new (piece) pool(c, source_, usage_, shared_);
  pool* expected = nullptr;
  if (pools_[c].compare_exchange_strong(expected, made, std::memory_order_acq_rel)) return *made;
  made->~pool();
  source_.give_bookkeeping(piece, sizeof(pool));
  return *expected;
}

std::size_t pool_core::refill_from_slabs(size_class c, void** out, std::size_t count) noexcept {
  pool* const p = pools_[c].load(std::memory_order_acquire);
  const std::size_t taken = p == nullptr ? 0 : p->refill_from_slabs(out, count);
  if (recorded_) to_records(out, taken);
  return taken;
}

void pool_core::to_records(void** blocks, std::size_t count) const noexcept {
  slab* s = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    if (s == nullptr || !s->spans(blocks[i])) s = source_.find(blocks[i]);
    blocks[i] = records_of(*s) + s->index_of(blocks[i]);
  }
}

std::size_t pool_core::reserved(size_class c) const noexcept {
  const pool* const p = pools_[c].load(std::memory_order_acquire);
  return p == nullptr ? 0 : p->reserved();
}

bool pool_core::has_free(size_class c) const noexcept {
  const pool* const p = pools_[c].load(std::memory_order_acquire);
  return p != nullptr && p->count().free != 0;
}

// ---- giving back

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
  pool* const p = pools_[c].load(std::memory_order_acquire);
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
  for (std::size_t i = 0; i < bad_count && f.bad_count < flushed::most_bad; ++i)
    f.bad[f.bad_count++] = {bad[i], c};
}

void pool_core::flush_set(flushed& f, magazine_set& set) noexcept {
  for (size_class c = 0; c < magazine_count; ++c) flush_class(f, set, c);
}

void pool_core::flush_class(flushed& f, magazine_set& set, size_class c) noexcept {
  void* blocks[most_at_once];
  while (const std::size_t count = std::min(set.count(c), most_at_once)) {
    set.take_oldest(c, blocks, count);
    flush_into(f, c, blocks, count);
  }
}

void pool_core::finish(flushed& f, bool keep_chunks) noexcept {
  keep_chunks = keep_chunks || f.reserved || !f.some; // of what was not freed nothing can be due
  if (f.emptied != nullptr) source_.give(f.emptied);
  if (!keep_chunks) {
    source_.tick();
    if (nursery_.is_idle()) give_empty_nursery();
  }
  for (std::size_t i = 0; i < f.bad_count; ++i) report_bad(f.bad[i].block, f.bad[i].c);
}

void pool_core::report_bad(const bad_block& bad, size_class c) noexcept {
  const std::size_t block = block_sizes[c];
  if (bad.listed_free)
    report_violation(violation_kind::double_free, bad.address, block, natural_alignment_of(c),
                     "a block was freed that is free");
  else if ((bad.in != nullptr && bad.in->index_of(bad.address) != slab::most_blocks) ||
           class_in_nursery(bad.address) != size_class_count)
    report_violation(violation_kind::wrong_size, bad.address, block, natural_alignment_of(c),
                     "a block was freed with the size of another class");
  else
    report_violation(violation_kind::foreign_pointer, bad.address, block, natural_alignment_of(c),
                     "an address was freed where no block of this pool starts");
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

void pool_core::release_all() noexcept {
  if (void* const memory = nursery_.remove())
    upstream_.deallocate(memory, nursery::bytes, nursery::alignment);
  nursery_.reopen();
  usage_.clear();
  if (upstream_.allocations() == upstream_.deallocations()) return; // there is nothing else
  for (auto& slot : pools_) {
    if (pool* const p = slot.load(std::memory_order_acquire)) p->~pool();
    slot.store(nullptr, std::memory_order_release);
  }
  if (quarantine* const q = quarantine_.load(std::memory_order_acquire)) q->forget_all();
  depot_room_bytes_.store(0, std::memory_order_relaxed);
  oversized_.release_all();
  source_.release_all();
}

// ---- seeing

pool_statistics
pool_core::statistics(const std::array<std::size_t, size_class_count>& cached) const noexcept {
  pool_statistics s;
  const std::array<std::size_t, size_class_count> kept_back = count_quarantine();
  std::array<std::size_t, size_class_count> in_nursery{}; // each is a slab of one block
  for_each_in_nursery([&](const std::byte*, size_class c, std::size_t) { ++in_nursery[c]; });
  for (size_class c = 0; c < size_class_count; ++c) {
    const pool* const p = pools_[c].load(std::memory_order_acquire);
    if (p == nullptr && block_sizes[c] > options_.largest_required_pool_block) continue;
    size_class_statistics& row = s.rows[s.row_count++];
    row.block_size = block_sizes[c];
    const pool::counts count = p == nullptr ? pool::counts{} : p->count();
    const std::size_t used = count.carved - count.free + in_nursery[c];
    row.slabs = count.slabs + in_nursery[c];
    row.blocks_free = count.free;
    row.blocks_cached = std::min(cached[c] + kept_back[c] + count_depot(c), used);
    row.blocks_in_use = used - row.blocks_cached;
    s.slabs += row.slabs;
    s.bytes_free += row.blocks_free * row.block_size;
    s.bytes_cached += row.blocks_cached * row.block_size;
    s.bytes_in_use += row.blocks_in_use * row.block_size;
  }
  s.oversized_blocks = oversized_.blocks();
  s.oversized_bytes = oversized_.bytes();
  s.bytes_in_use += s.oversized_bytes;
  s.bytes_held = upstream_.held();
  s.peak_bytes_in_use = usage_.peak();
  s.chunks = source_.chunk_count() + (nursery_memory() != nullptr ? 1 : 0);
  s.upstream_allocations = upstream_.allocations();
  s.upstream_deallocations = upstream_.deallocations();
  s.dropped_blocks = dropped_.load(std::memory_order_relaxed);
  return s;
}

void pool_core::check_invariants() const {
  source_.check_invariants();
  oversized_.check_invariants();
  check_quarantine();
  check_depots();
  check_nursery();
  for (const auto& slot : pools_)
    if (const pool* const p = slot.load(std::memory_order_acquire)) p->check_invariants();
  // Another thread may be carrying a slab from one to the other: then it is looked at again.
  for (int tries = 1000; !slabs_agree(); std::this_thread::yield())
    if (tries-- == 0 || !shared_)
      throw std::logic_error("quarry: the slabs of the pools are not those of the chunks");
}

bool pool_core::slabs_agree() const noexcept {
  std::size_t slab_bytes = 0;
  for_each_slab([&](const slab&, std::size_t bytes) { slab_bytes += bytes; });
  return slab_bytes == source_.bytes_in_slabs();
}

void pool_core::check_set(const magazine_set& set) const {
  set.check_invariants();
  const char* wrong = nullptr;
  for (size_class c = 0; c < magazine_count; ++c)
    set.for_each_block(c, [&](void* block) {
      if (const char* const what = wrong_with_cached(c, block)) wrong = what;
    });
  if (wrong != nullptr) throw std::logic_error(wrong);
}

const char* pool_core::wrong_with_cached(size_class c, void* in_slot) const noexcept {
  const void* const block = recorded_ ? static_cast<block_record*>(in_slot)->address.load_relaxed() : in_slot;
  const slab* const s = source_.find(block);
  if (s == nullptr && class_in_nursery(block) == c) return nullptr;
  if (s == nullptr || s->block_class() != c) return "quarry: a cached block is not of its class";
  const std::size_t index = s->index_of(block);
  return index == slab::most_blocks || s->is_free(index) ? "quarry: a cached block is free in its slab"
                                                         : nullptr;
}

} // namespace quarry::detail
