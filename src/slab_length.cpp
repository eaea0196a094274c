#include "slab_length.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "slab.hpp"
#include <quarry/size_class.hpp>

namespace quarry::detail {
namespace {

// What slabs of `length` KiB would waste where a class has six times `share` KiB: at the end of each of them,
// a descriptor for each, and half of the one that is not full.
constexpr std::size_t waste_of(std::size_t length, std::size_t share, std::size_t block) noexcept {
  const std::size_t each = length * kib % block + sizeof(slab);
  return 6 * share * each / length + length * kib / 2;
}

// So many KiB as `share`, or more where that wastes less.
constexpr std::size_t kib_wished(std::size_t share, std::size_t block) noexcept {
  const std::size_t most = std::min(largest_small_slab, slab::most_blocks * block) / kib;
  std::size_t best = std::max(share, (block + kib - 1) / kib);
  std::size_t least = waste_of(best, share, block);
  for (std::size_t longer = best + 1; longer <= most && longer * kib / 2 < least; ++longer)
    if (const std::size_t waste = waste_of(longer, share, block); waste < least) {
      best = longer;
      least = waste;
    }
  return best;
}

constexpr slab_lengths lengths_of(std::size_t block) noexcept {
  slab_lengths lengths{};
  for (std::size_t most = 1; most < lengths.best.size(); ++most) {
    const std::size_t shorter = lengths.best[most - 1];
    const bool better = most * kib >= block && (shorter == 0 || waste_per_unit(most, 10, block) <=
                                                                    waste_per_unit(shorter, 10, block));
    lengths.best[most] = static_cast<std::uint8_t>(better ? most : shorter);
    if (most * kib >= block && wastes_little(most * kib, block))
      lengths.thrifty |= std::uint64_t{1} << (most - 1);
  }
  for (std::size_t log = 0; log < lengths.wished.size(); ++log)
    lengths.wished[log] = static_cast<std::uint8_t>(kib_wished(std::size_t{1} << log, block));
  return lengths;
}

} // namespace

// Here, not in the header: every file that includes it would compute the table again, for a third of its
// time.
constexpr std::array<slab_lengths, size_class_count> lengths_of_slabs =
    table_of_classes<slab_lengths>([](size_class c) { return lengths_of(block_size_of(c)); });

} // namespace quarry::detail
