#include "class_model.hpp"

#include <quarry/size_class.hpp>

#include <algorithm>
#include <bit>
#include <map>

namespace quarry_replay {
namespace {

constexpr std::size_t smallest_slab = 256, largest_slab = 65536, most_blocks_in_slab = 256;

// What a class of so many blocks holds.
std::size_t held_for(std::size_t count, std::size_t block) {
  if (count == 0) return 0;
  const std::size_t share = std::clamp(std::bit_floor(count * block / 8 + 1), smallest_slab, largest_slab);
  const std::size_t slab = std::max(block, std::bit_floor(std::min(share, block * most_blocks_in_slab)));
  return count * block + slab / 2;
}

} // namespace

class_model::class_model(const program& p, std::size_t largest_block) : largest_block_(largest_block) {
  std::map<std::pair<std::size_t, std::size_t>, std::uint32_t> numbers;
  for (const auto& op : p.script.operations) {
    const kind k{quarry::last_byte_of(op.size, op.alignment()) + 1, op.alignment()};
    const auto [found, is_new] =
        numbers.try_emplace({k.bytes, k.alignment}, static_cast<std::uint32_t>(kinds_.size()));
    if (is_new) kinds_.push_back(k);
    kind_of_.push_back(found->second);
    allocates_.push_back(op.allocates);
  }
}

std::size_t class_model::block_for(const kind& k, const std::vector<std::size_t>& rows) const {
  if (k.bytes > largest_block_ || k.alignment > quarry::detail::granule) return k.bytes;
  std::size_t block = quarry::block_size_of(quarry::size_class_of(k.bytes, k.alignment));
  for (const std::size_t row : rows)
    if (fits(k, row)) block = std::min(block, row);
  return block;
}

class_model::played class_model::play(const std::vector<std::size_t>& rows) const {
  std::map<std::size_t, std::uint32_t> class_numbers; // by block size; what is not pooled is a class, too
  std::vector<std::size_t> blocks;
  std::vector<std::uint32_t> class_of;
  for (const kind& k : kinds_) {
    const std::size_t block = block_for(k, rows);
    const auto [found, is_new] = class_numbers.try_emplace(block, static_cast<std::uint32_t>(blocks.size()));
    if (is_new) blocks.push_back(block);
    class_of.push_back(found->second);
  }
  std::vector<std::size_t> counts(blocks.size());
  std::size_t held = 0, moment_of_peak = 0;
  played result;
  for (std::size_t i = 0; i < kind_of_.size(); ++i) {
    const std::uint32_t c = class_of[kind_of_[i]];
    held -= held_for(counts[c], blocks[c]);
    counts[c] += allocates_[i] ? 1 : std::size_t(-1);
    held += held_for(counts[c], blocks[c]);
    if (held > result.peak) {
      result.peak = held;
      moment_of_peak = i;
    }
  }
  result.live_at_peak = live_after(moment_of_peak);
  return result;
}

std::vector<std::size_t> class_model::live_after(std::size_t event) const {
  std::vector<std::size_t> live(kinds_.size());
  for (std::size_t i = 0; i <= event && i < kind_of_.size(); ++i)
    live[kind_of_[i]] += allocates_[i] ? 1 : std::size_t(-1);
  return live;
}

std::vector<std::size_t> class_model::candidates(const std::vector<std::size_t>& rows,
                                                 std::size_t count) const {
  const auto live = play(rows).live_at_peak;
  std::map<std::size_t, std::size_t> savings; // by row
  for (const kind& wanted : kinds_) {
    const std::size_t row = (wanted.bytes + 7) / 8 * 8;
    if (row >= block_for(wanted, rows) || savings.contains(row)) continue;
    std::size_t saved = 0;
    for (std::size_t k = 0; k < kinds_.size(); ++k)
      if (const std::size_t block = block_for(kinds_[k], rows); fits(kinds_[k], row) && row < block)
        saved += live[k] * (block - row);
    savings.emplace(row, saved);
  }
  std::vector<std::pair<std::size_t, std::size_t>> order; // saving, row
  for (const auto& [row, saved] : savings)
    if (saved != 0) order.push_back({saved, row});
  std::sort(order.rbegin(), order.rend());
  if (order.size() > count) order.resize(count);
  std::vector<std::size_t> best;
  for (const auto& [saved, row] : order) best.push_back(row);
  return best;
}

} // namespace quarry_replay
