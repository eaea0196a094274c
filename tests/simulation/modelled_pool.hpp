// The synchronized pool on the modelled machine. What it decides is decided by the library's own parts:
// magazine sets and their rules of capacity, slabs, slab source, retention, all without their locks. What is
// modelled is time: each call says what it costs, and takes the locks and lines that the threads of a real
// pool would take.
//
// Simplified: a refill that needs a slab or a chunk has it at once and takes the locks on the way to it
// afterwards; a class that is draining takes new slabs in any chunk; rooms do not change hands and stale
// magazines not flushed.
#pragma once

#include "address_space.hpp"
#include "machine.hpp"

#include "../../src/cached_room.hpp"
#include "../../src/exchange.hpp"
#include "../../src/pool.hpp"
#include "../../src/slab_source.hpp"
#include "../../src/upstream.hpp"
#include "../../src/usage.hpp"

#include <quarry/magazine.hpp>

#include <memory>
#include <unordered_map>

namespace quarry_simulation {

using quarry::size_class;

// As built, magazines exchange with the slabs, under the lock of the class. What could be changed:
struct design {
  const char* name;
  bool counters = false; // what is used and freed is counted with each class, not in one place for all
  bool depot = false;    // a depot for each class before the slabs, where whole magazines change hands
  bool shards = false;   // one of everything but the slab source for every 8 cores; blocks go home to theirs
  bool spinning = false; // who finds a lock taken spins until it is free, and does not sleep
  bool room = false;     // magazines may hold 64 KiB for each core, however little is used
};
inline constexpr std::array designs{
    design{.name = "as built"},
    design{.name = "counters", .counters = true},
    design{.name = "depot", .depot = true},
    design{.name = "shards", .shards = true},
    design{.name = "spinning", .spinning = true},
    design{.name = "room", .room = true},
    design{.name = "all", .counters = true, .depot = true, .shards = true, .spinning = true, .room = true},
};

class modelled_pool {
public:
  using taker = std::function<void(void*)>;

  modelled_pool(machine& m, const design& d);
  ~modelled_pool();
  modelled_pool(const modelled_pool&) = delete;
  modelled_pool& operator=(const modelled_pool&) = delete;

  // One call of the thread on `core`; `then` gets the block, now or after the core's next steps.
  void allocate(int core, size_class c, const taker& then);
  void deallocate(int core, size_class c, void* block);
  void call_upstream(int core); // an oversized request
  void exit_thread(int core);   // its magazines go back; another thread begins on the core

  // Where blocks are:  taken from slabs = in magazines + in depots + in use.
  struct block_count {
    std::size_t taken_from_slabs, in_magazines, in_depots;
  };
  block_count count() const;
  void check_invariants() const;

  std::size_t cold_calls() const { return cold_calls_; }
  std::size_t bytes_held() const { return upstream_.held(); }
  std::size_t bytes_taken() const { return usage_.used(); }
  double highest_lock_utilisation(double duration) const;

private:
  using blocks = std::vector<void*>;
  struct class_slabs {
    quarry::detail::pool slabs;
    lock mutex{};
    line lists{};
    class_slabs(size_class c, quarry::detail::slab_source& from, quarry::detail::usage& use)
        : slabs(c, from, use, false) {}
  };
  struct full_magazine {
    blocks contents;
    int from;
  };
  struct depot {
    lock mutex{};
    line top{};
    std::vector<full_magazine> full;
  };
  struct shard {
    line counters{};
    std::vector<std::unique_ptr<class_slabs>> classes;
    std::vector<depot> depots;
  };
  struct slab_note {
    line descriptor{};
    std::size_t shard = 0;
  };
  struct alignas(64) cache_page {
    std::array<std::byte, 4096> bytes;
  };

  quarry::detail::magazine_set& set_of(int core);
  const quarry::detail::magazine_set& set_of(std::size_t core) const;
  std::size_t shard_of(int core) const;
  depot& depot_of(int core, size_class c) { return shards_[shard_of(core)].depots[c]; }
  class_slabs& slabs_of(std::size_t shard_index, size_class c) { return *shards_[shard_index].classes[c]; }
  quarry::detail::way way_of(int core, size_class c);
  auto room_for(int core) const;
  std::size_t room_of_all() const;

  void allocate_cold(int core, size_class c, const taker& then);
  void deallocate_cold(int core, size_class c, void* block);
  void refill(int core, size_class c, std::size_t wanted, const taker& then);
  void refill_from_slabs(int core, size_class c, std::size_t wanted, const taker& then);
  void get_slab(int core, std::size_t upstream_calls);
  void receive(int core, size_class c, const blocks& got, const taker& then);
  void flush(int core, size_class c, const blocks& all);
  void flush_to_slabs(int core, size_class c, const blocks& all);
  void flush_to_shard(int core, size_class c, std::size_t shard_index, const blocks& some);
  void give_slabs(int core, quarry::detail::slab* emptied, std::size_t count);
  void tick(int core);
  void touch_counters(int core, std::size_t shard_index);
  void touch_slabs(int core, const blocks& of);

  machine& machine_;
  const design& design_;
  address_space space_;
  quarry::detail::upstream upstream_;
  quarry::detail::usage usage_{false};
  quarry::detail::cached_room room_{usage_, false};
  quarry::detail::slab_source source_;
  lock upstream_mutex_{.waits = part::upstream};
  lock source_mutex_{.waits = part::source_wait};
  line chunk_lists_{};
  std::vector<shard> shards_;
  std::size_t depot_bytes_ = 0;
  std::vector<cache_page> pages_;
  quarry::detail::atomic_word<std::size_t> room_bytes_{0};
  std::unordered_map<const quarry::detail::slab*, slab_note> notes_;
  std::size_t cold_calls_ = 0;
};

} // namespace quarry_simulation
