// Blocks between magazines, depots, slabs and upstream: which locks are taken and which lines travel.
#include "modelled_pool.hpp"

#include <stdexcept>

namespace quarry_simulation {

using namespace quarry::detail;

// ---- refills
// -----------------------------------------------------------------------------------------------

void modelled_pool::refill(int core, size_class c, std::size_t wanted, const taker& then) {
  if (!design_.depot) return refill_from_slabs(core, c, wanted, then);
  depot& d = depot_of(core, c);
  machine_.then(core, d.mutex, [=, this, &d] {
    machine_.spend(core, part::cold, machine_.cost().depot);
    machine_.touch(core, d.top);
    if (d.full.empty()) return refill_from_slabs(core, c, wanted, then);
    const full_magazine got = std::move(d.full.back());
    d.full.pop_back();
    depot_bytes_ -= got.contents.size() * block_sizes[c];
    machine_.then(core, [=, this] {
      machine_.receive(core, got.from, (got.contents.size() + 7) / 8);
      receive(core, c, got.contents, then);
    });
  });
}

void modelled_pool::refill_from_slabs(int core, size_class c, std::size_t wanted, const taker& then) {
  class_slabs& own = slabs_of(shard_of(core), c);
  machine_.then(core, own.mutex, [=, this, &own] {
    const std::size_t slabs = own.slabs.count().slabs;
    const std::size_t calls = upstream_.allocations();
    blocks got(wanted);
    got.resize(own.slabs.refill(got.data(), wanted));
    machine_.touch(core, own.lists);
    for (void* const block : got) notes_[source_.find(block)].shard = shard_of(core);
    touch_slabs(core, got);
    machine_.spend(core, part::cold,
                   machine_.cost().refill + machine_.cost().refill_block * static_cast<double>(got.size()));
    touch_counters(core, shard_of(core));
    if (own.slabs.count().slabs == slabs) return receive(core, c, got, then);
    get_slab(core, upstream_.allocations() - calls);
    machine_.then(core, own.mutex, [=, this] { receive(core, c, got, then); });
  });
}

// The way to a slab that was not there: from the slab source, if need be by a chunk from upstream.
void modelled_pool::get_slab(int core, std::size_t upstream_calls) {
  const auto use_source = [=, this] {
    machine_.touch(core, chunk_lists_);
    machine_.spend(core, part::cold, machine_.cost().slab);
  };
  machine_.then(core, source_mutex_, use_source);
  if (upstream_calls == 0) return;
  for (std::size_t i = 0; i < upstream_calls; ++i) call_upstream(core);
  machine_.then(core, source_mutex_, use_source);
}

void modelled_pool::receive(int core, size_class c, const blocks& got, const taker& then) {
  const std::size_t kept = c < magazine_count ? keep(set_of(core), c, got.data() + 1, got.size() - 1) : 0;
  if (kept + 1 < got.size())
    flush(core, c, blocks(got.begin() + static_cast<std::ptrdiff_t>(kept) + 1, got.end()));
  then(got.front());
}

// ---- flushes
// -----------------------------------------------------------------------------------------------

void modelled_pool::flush(int core, size_class c, const blocks& all) {
  if (!design_.depot || way_of(core, c) == way::draining) return flush_to_slabs(core, c, all);
  depot& d = depot_of(core, c);
  machine_.then(core, d.mutex, [=, this, &d] {
    machine_.spend(core, part::cold, machine_.cost().depot);
    machine_.touch(core, d.top);
    const std::size_t bytes = all.size() * block_sizes[c];
    if (depot_bytes_ + bytes > room_of_all()) return flush_to_slabs(core, c, all);
    depot_bytes_ += bytes;
    d.full.push_back({all, core});
  });
}

void modelled_pool::flush_to_slabs(int core, size_class c, const blocks& all) {
  std::vector<blocks> by_shard(shards_.size());
  for (void* const block : all) by_shard[notes_.at(source_.find(block)).shard].push_back(block);
  for (std::size_t i = 0; i < by_shard.size(); ++i)
    if (!by_shard[i].empty()) flush_to_shard(core, c, i, by_shard[i]);
}

void modelled_pool::flush_to_shard(int core, size_class c, std::size_t shard_index, const blocks& some) {
  machine_.then(core,
                [=, this] { touch_slabs(core, some); }); // descriptors are fetched before the lock is taken
  class_slabs& theirs = slabs_of(shard_index, c);
  machine_.then(core, theirs.mutex, [=, this, &theirs] {
    slab* emptied = nullptr;
    const std::size_t slabs = theirs.slabs.count().slabs;
    std::array<bad_block, pool::most_at_once> bad;
    if (theirs.slabs.flush(some.data(), some.size(), emptied, bad.data()) != 0)
      throw std::logic_error("simulation: a block was freed that was not taken");
    machine_.touch(core, theirs.lists);
    machine_.spend(core, part::cold,
                   machine_.cost().flush + machine_.cost().flush_block * static_cast<double>(some.size()));
    touch_counters(core, shard_index);
    if (emptied != nullptr) give_slabs(core, emptied, slabs - theirs.slabs.count().slabs);
    machine_.then(core, [=, this] { tick(core); });
  });
}

void modelled_pool::give_slabs(int core, slab* emptied, std::size_t count) {
  machine_.then(core, source_mutex_, [=, this] {
    const std::size_t calls = upstream_.deallocations();
    source_.give(emptied);
    machine_.touch(core, chunk_lists_);
    machine_.spend(core, part::cold, machine_.cost().slab * static_cast<double>(count));
    for (std::size_t i = calls; i < upstream_.deallocations(); ++i) call_upstream(core);
  });
}

void modelled_pool::tick(int core) {
  const std::size_t calls = upstream_.deallocations();
  source_.tick();
  for (std::size_t i = calls; i < upstream_.deallocations(); ++i) call_upstream(core);
}

// Those of a class lie next to its lists, which are here already.
void modelled_pool::touch_counters(int core, std::size_t shard_index) {
  if (!design_.counters) machine_.touch(core, shards_[shard_index].counters);
}

// The descriptors of the blocks' slabs come to this core.
void modelled_pool::touch_slabs(int core, const blocks& of) {
  std::vector<line*> descriptors;
  for (void* const block : of) {
    line* const descriptor = &notes_.at(source_.find(block)).descriptor;
    if (descriptors.empty() || descriptors.back() != descriptor) descriptors.push_back(descriptor);
  }
  machine_.touch(core, descriptors);
}

} // namespace quarry_simulation
