// How a slab source obtains memory: bookkeeping first, then the chunk; each call upstream leaves everything
// in order.
#include <algorithm>
#include <bit>
#include <mutex>
#include <new>
#include <span>

#include "poison.hpp"
#include "slab_source.hpp"

namespace quarry::detail {

// Does the first thing that is missing; the caller then asks anew, since a call from within upstream may have
// changed all. Returns the memory of a chunk, if that was it, and it will soon be written to.
std::span<std::byte> slab_source::grow(const slab_wish& w, std::size_t largest_chunk, std::size_t lacking) {
  if (lacking != 0) {
    grow_slab_memory(lacking);
    return {};
  }
  const std::size_t bytes = next_chunk_bytes(w, largest_chunk);
  void* const descriptor = prepare_for_chunk(w, bytes);
  if (descriptor == nullptr) return {};
  void* memory;
  try {
    memory = up_.allocate_region(bytes, chunk::alignment_of(bytes));
  } catch (...) {
    const std::lock_guard guard(mutex_);
    map_.break_promise(slab_map::most_granules_of(bytes));
    give_descriptor(descriptor, descriptor_bytes(bytes));
    throw;
  }
  const std::lock_guard guard(mutex_);
  add(descriptor, memory, bytes, w.c);
  return {static_cast<std::byte*>(memory), is_soon_written(w.c, bytes) ? bytes : 0};
}

// Everything that a chunk needs before it is there: returns its descriptor, with the address map's promise.
// Or null, having obtained the first of what was missing.
void* slab_source::prepare_for_chunk(const slab_wish& w, std::size_t bytes) {
  std::unique_lock guard(mutex_);
  const auto first = [&](auto obtain) -> void* {
    guard.unlock();
    obtain();
    return nullptr;
  };
  if (recorded()) { // before the region, which might leave no room for it
    const std::size_t slab_size = first_slab_bytes(w, bytes);
    if (!limits_.recorded_slabs->has(slab_size)) return first([&] { grow_slab_memory(slab_size); });
  }
  if ((uses_stores() || recorded()) && !bookkeeping_.has(limits_.spare_bookkeeping))
    return first([&] { grow_bookkeeping(spare_bookkeeping()); });
  void* const descriptor = take_descriptor(descriptor_bytes(bytes));
  if (descriptor == nullptr) return first([&] { grow_descriptors(descriptor_bytes(bytes)); });
  if (map_.promise(slab_map::most_granules_of(bytes))) return descriptor;
  give_descriptor(descriptor, descriptor_bytes(bytes));
  return first([&] { map_.grow(up_, slab_map::most_granules_of(bytes), has_readers(), locked()); });
}

// All of it, but where large blocks, or segments, may stay untouched in part.
bool slab_source::is_soon_written(size_class c, std::size_t chunk_bytes) const noexcept {
  constexpr std::size_t two_pages = 8192, four_pages = 16384;
  return !recorded() && chunk_bytes >= four_pages && block_sizes[c] <= two_pages;
}

// A small pool grows few times, and several of its classes want some at once.
std::size_t slab_source::spare_bookkeeping() const noexcept {
  constexpr std::size_t small = std::size_t{1} << 20;
  return limits_.spare_bookkeeping * (recorded() || up_.held() >= small ? std::size_t{1} : 2);
}

// Of the first slab in a chunk of so many bytes, with its records.
std::size_t slab_source::first_slab_bytes(const slab_wish& w, std::size_t chunk_bytes) const noexcept {
  chunk untouched{};
  untouched.set_size(chunk_bytes);
  return slab_bytes(fit(untouched, w).blocks);
}

// ---- bookkeeping

void slab_source::grow_bookkeeping(std::size_t bytes) { bookkeeping_.grow(up_, bytes, locked()); }

void slab_source::grow_slab_memory(std::size_t bytes) {
  if (recorded()) return limits_.recorded_slabs->grow(up_, bytes, locked());
  uses_stores() ? slabs_.grow(up_, locked()) : grow_bookkeeping(bytes);
}

// Where all is in one place, with memory for the first slab, lest that is one more call.
void slab_source::grow_descriptors(std::size_t bytes) {
  if (uses_stores() && bytes == block_sizes[class_of_chunks]) return chunk_descriptors_.grow(up_, locked());
  grow_bookkeeping(bytes + (recorded() ? 0 : sizeof(slab)));
}

void* slab_source::take_descriptor(std::size_t bytes) noexcept {
  if (bytes != block_sizes[class_of_chunks]) return bookkeeping_.take(bytes);
  void* const piece = take_from_bookkeeping(bytes);
  return piece != nullptr ? piece : chunk_descriptors_.take();
}

// What came back there, or all of it while the stores are not in use. It is asked before them, since it never
// goes upstream.
void* slab_source::take_from_bookkeeping(std::size_t bytes) noexcept {
  return uses_stores() ? bookkeeping_.take_again(bytes) : bookkeeping_.take(bytes);
}

void slab_source::give_descriptor(void* descriptor, std::size_t bytes) noexcept {
  if (!chunk_descriptors_.give(descriptor)) bookkeeping_.give(descriptor, bytes);
}

// ---- chunks

// A small one, which may be all. Then half of what is held, so that few calls lead to a pool of its full
// pace, and the newest chunk is not most of it; powers of two, or packed. Not for blocks that would often not
// lie well there, nor for the smallest, of which as many as options() says shall fill a chunk.
std::size_t slab_source::next_chunk_bytes(const slab_wish& w, std::size_t largest_chunk) const noexcept {
  if (bounded()) return std::bit_ceil(std::max<std::size_t>(w.bytes, 64));
  constexpr std::size_t second_chunk = 4096;
  const std::size_t first = limits_.first_chunk, held = up_.held();
  const std::size_t share =
      held < first ? first : std::max({std::bit_floor(held / 2 + 1), first, second_chunk});
  const std::size_t bytes = std::max(std::min(share, largest_chunk), std::bit_ceil(w.bytes));
  constexpr std::size_t fits_well = 4096;
  const bool packs = !recorded() && bytes == chunk::packed_instead_of && w.bytes <= chunk::packed_bytes &&
                     natural_alignment_of(w.c) <= fits_well && w.c != 0;
  return packs ? chunk::packed_bytes : bytes;
}

// Chunk descriptors have pieces of their own size, when who reads them may come late.
std::size_t slab_source::descriptor_bytes(std::size_t chunk_bytes) const noexcept {
  const std::size_t bytes = chunk::descriptor_bytes(chunk_bytes);
  return recorded() ? std::max(bytes, 3 * bookkeeping::line) : bytes;
}

void slab_source::add(void* descriptor, void* memory, std::size_t bytes, size_class c) noexcept {
  poison(memory, bytes); // until blocks of it are allocated
  chunk& added = *::new (descriptor) chunk;
  added.reset(static_cast<std::byte*>(memory), bytes,
              bounded() ? static_cast<std::uint8_t>(c) : slab::no_class);
  map_.insert(added);
  added.id = up_.region_id_of(memory);
  chunks_by_room_.insert(added);
  retention_.obtained(bytes, idle_);
  idle_ += bytes;
  free_ += bytes;
  chunks_ += 1;
}

void* slab_source::take_bookkeeping(std::size_t bytes) {
  for (;;) {
    {
      const std::lock_guard guard(mutex_);
      if (void* const piece = bookkeeping_.take(bytes)) return piece;
    }
    grow_bookkeeping(bytes);
  }
}

void* slab_source::try_take_bookkeeping(std::size_t bytes) noexcept {
  const std::lock_guard guard(mutex_);
  return bookkeeping_.take(bytes);
}

void slab_source::give_bookkeeping(void* piece, std::size_t bytes) noexcept {
  const std::lock_guard guard(mutex_);
  bookkeeping_.give(piece, bytes);
}

} // namespace quarry::detail
