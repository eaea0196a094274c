#include "pool_core.hpp"

#include <algorithm>
#include <new>

#include "poison.hpp"

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

} // namespace quarry::detail
