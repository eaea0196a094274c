#include "advice.hpp"

#include "charged_upstream.hpp"
#include "class_model.hpp"
#include "measure.hpp"

#include "replay/median.hpp"

#include <quarry/pool_resource.hpp>

#include <algorithm>

namespace quarry_replay {
namespace {

using advised = quarry::unsynchronized_pool_resource;

struct limits {
  std::size_t least, most;
};
constexpr limits block_limits{64, quarry::largest_block_size}, chunk_limits{8, 8192};
constexpr std::size_t most_rows = 4, rows_tried = 12;

// What is not worth it: for an option, a saving as small as what the same replay varies by from time to time,
// since where upstream's memory lies decides which slabs serve.
constexpr std::size_t option_worth_one_in = 100, row_worth_one_in = 2000;

// The library itself decides; only, nobody touches the blocks, so that it is fast. Ends when more calls go
// upstream than `most_calls`.
holding simulate(const program& p, const std::pmr::pool_options& options, std::size_t most_calls) {
  charged_upstream upstream(sizeof(advised));
  advised resource(options, &upstream);
  std::vector<void*> blocks(p.script.slot_count);
  for (const auto& op : p.script.operations) {
    if (op.allocates)
      blocks[op.slot] = resource.allocate(op.size, op.alignment());
    else
      resource.deallocate(blocks[op.slot], op.size, op.alignment());
    if (upstream.calls() > most_calls) break;
  }
  return {upstream.take_peak(), upstream.calls()};
}

// Options under which hardly anything is pooled waste nothing, and serve no purpose.
std::size_t most_upstream_calls(const program& p, const holding& by_default) {
  return std::max(p.events / 100, by_default.upstream_calls * 2);
}

using option_of = std::size_t std::pmr::pool_options::*;

// Tries an option's values, powers of two, the largest first, down to where too much goes upstream; leaves
// the one that holds least when that is worth it.
holding settle(const program& p, std::pmr::pool_options& options, option_of option, limits range,
               const holding& unset, std::size_t most_calls) {
  std::size_t best_value = options.*option;
  holding best = unset;
  for (std::size_t value = range.most; value >= range.least; value /= 2) {
    std::pmr::pool_options tried = options;
    tried.*option = value;
    const holding held = simulate(p, tried, most_calls);
    if (held.upstream_calls > most_calls) break;
    if (held.peak >= best.peak) continue;
    best = held;
    best_value = value;
  }
  if (unset.peak - best.peak < unset.peak / option_worth_one_in) return unset;
  options.*option = best_value;
  return best;
}

row_advice with_neighbours(std::size_t row, std::size_t saved) {
  const quarry::size_class above = quarry::size_class_of(row, 1);
  return {row, above == 0 ? 0 : quarry::block_size_of(above - 1), quarry::block_size_of(above), saved};
}

// One row after the other: the one that saves most, with those found before it in the table.
void advise_rows(const program& p, advice& result) {
  const class_model model(p, result.options.largest_required_pool_block);
  std::vector<std::size_t> rows;
  std::size_t peak = result.modelled_peak = model.peak_with(rows);
  for (std::size_t i = 0; i < most_rows; ++i) {
    std::size_t best_peak = peak, best_row = 0;
    for (const std::size_t row : model.candidates(rows, rows_tried)) {
      rows.push_back(row);
      if (const std::size_t tried = model.peak_with(rows); tried < best_peak) {
        best_peak = tried;
        best_row = row;
      }
      rows.pop_back();
    }
    if (peak - best_peak < std::max<std::size_t>(result.modelled_peak / row_worth_one_in, 1)) continue;
    rows.push_back(best_row);
    result.rows.push_back(with_neighbours(best_row, peak - best_peak));
    peak = best_peak;
  }
}

subject pool_with(const std::pmr::pool_options& options) {
  return {"pool", false, sizeof(advised), [options](std::pmr::memory_resource* upstream, const auto& use) {
            advised resource(options, upstream);
            use(resource);
          }};
}

// Peaks and times of one pool, over the rounds.
struct replays {
  subject pool;
  std::vector<double> ns, peaks;
  std::size_t upstream_calls = 0;

  void add(const program& p) {
    ns.push_back(time_on_one_thread(p, pool));
    const auto use = memory_on_one_thread(p, pool);
    peaks.push_back(static_cast<double>(use.peak_counted));
    upstream_calls = use.upstream_calls;
  }
  replayed_pool result() const {
    return {median(ns), {static_cast<std::size_t>(median(peaks)), upstream_calls}};
  }
};

} // namespace

std::size_t steps_to_advise(std::size_t rounds) { return 4 + rounds; }

advice advise(const program& p, std::size_t rounds, const std::function<void()>& step) {
  using options = std::pmr::pool_options;
  advice result;
  result.options = result.defaults = advised().options();
  if (p.events == 0) return result;
  result.by_default = simulate(p, result.defaults, p.events * 2);
  const std::size_t most_calls = most_upstream_calls(p, result.by_default);
  step();
  result.with_block_limit = settle(p, result.options, &options::largest_required_pool_block, block_limits,
                                   result.by_default, most_calls);
  step();
  result.with_options = settle(p, result.options, &options::max_blocks_per_chunk, chunk_limits,
                               result.with_block_limit, most_calls);
  step();
  advise_rows(p, result);
  step();
  replays by_default{pool_with(result.defaults), {}, {}}, advised{pool_with(result.options), {}, {}};
  for (std::size_t round = 0; round < rounds; ++round, step()) {
    by_default.add(p);
    advised.add(p);
  }
  result.replayed_by_default = by_default.result();
  result.replayed_as_advised = advised.result();
  return result;
}

} // namespace quarry_replay
