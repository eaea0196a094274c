#include "pool_core.hpp"

#include <algorithm>
#include <mutex>

#include "poison.hpp"

namespace quarry::detail {

namespace {

constexpr std::size_t default_largest_block = 32768;
constexpr std::size_t default_blocks_per_chunk = 8192; // of 8 bytes are 64 KiB, the largest chunk
constexpr std::uint16_t most_recorded_blocks = 248;    // with the slab's descriptor they make 4 KiB

// A kilobyte for each class is a small part of a large limit.
bool has_depots(const pool_core::recorded& r) noexcept {
  constexpr std::size_t least_limit = 8 << 20;
  return r.limit >= least_limit;
}

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
    : options_(normalized(options)), shared_(shared), upstream_(up, shared), usage_(shared),
      source_(upstream_, usage_,
              {.blocks_per_chunk = static_cast<std::uint32_t>(options_.max_blocks_per_chunk),
               .spare_bookkeeping = static_cast<std::uint16_t>(shared ? depot_set::most_bytes : 0)},
              shared),
      oversized_(upstream_, usage_, shared), pools_(source_, usage_, shared), room_(usage_, false),
      depots_(pools_, source_, room_, shared, false), early_mutex_(shared) {}

pool_core::pool_core(const recorded& r, std::pmr::memory_resource* up) noexcept
    : options_{0, r.largest_block}, shared_(true), recorded_(true), upstream_(up, r.limit, r.regions),
      usage_(true),
      source_(upstream_, usage_,
              {.first_chunk = static_cast<std::uint32_t>(r.slab_size),
               .largest_chunk = static_cast<std::uint32_t>(r.slab_size),
               .blocks_per_chunk = static_cast<std::uint32_t>(r.slab_size),
               .blocks_per_slab = most_recorded_blocks,
               .spare_bookkeeping = static_cast<std::uint16_t>(has_depots(r) ? depot_set::most_bytes : 0),
               .recorded_slabs = &r.slabs},
              true, r.retained),
      oversized_(upstream_, usage_, true), pools_(source_, usage_, r.pools), room_(usage_, true),
      depots_(pools_, source_, room_, has_depots(r), true), early_mutex_(true) {}

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

// When upstream has nothing, the nursery may have what is not looked for at other times.
std::size_t pool_core::refill(size_class c, void** out, std::size_t count) {
  std::size_t taken = refill_from_nursery(c, out, count);
  if (taken != 0) return taken;
  try {
    taken = pools_.of(c).refill(out, count);
  } catch (...) {
    if ((*out = take_last_of_nursery(c)) == nullptr) throw;
    return 1;
  }
  if (recorded_) to_records(out, taken);
  return taken;
}

std::size_t pool_core::refill_from_slabs(size_class c, void** out, std::size_t count) noexcept {
  pool* const p = pools_.find(c);
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

// First all is taken away, then given upstream: what upstream does from within finds an empty pool.
void pool_core::release_all() noexcept {
  const std::size_t out = upstream_.allocations() - upstream_.deallocations();
  nursery::pieces_of_memory in_nursery;
  {
    const std::lock_guard guard(early_mutex_);
    in_nursery = nursery_.remove();
    usage_.clear();
  }
  if (out == in_nursery.count) { // there is nothing else
    give_upstream(in_nursery);
    return;
  }
  pools_.remove_all();
  depots_.forget_all();
  if (quarantine* const q = quarantine_.load(std::memory_order_acquire)) q->forget_all();
  const oversized::everything large = oversized_.remove_all();
  slab_source::everything slabs = source_.remove_all();
  give_upstream(in_nursery);
  oversized_.give_back(large);
  source_.give_back(slabs);
}

} // namespace quarry::detail
