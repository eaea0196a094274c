// The pools as subjects: alone, with tight options, on each other.
#include "pool_subject.hpp"

#include <quarry/limit_resource.hpp>
#include <quarry/pool_resource.hpp>

namespace quarry::test {

namespace {

// Small chunks, each for one class, and many oversized blocks.
struct tight : plain {
  tight() { options = {8, 512}; }
};

// A pool on a pool on a pool.
struct stacked {
  static constexpr bool exact = false;
  bool is_short_of(std::size_t) const { return false; }
  ledger_resource ledger;
  synchronized_pool_resource bottom{&ledger};
  unsynchronized_pool_resource middle{{64, 8192}, &bottom};
  std::pmr::pool_options options{16, 1024};
  std::pmr::memory_resource* top() { return &middle; }
};

// Under a budget. What is refused is at least an eighth of it, or as much as was asked.
struct limited {
  static constexpr bool exact = true;
  static constexpr std::size_t budget = 2 << 20;
  bool is_short_of(std::size_t bytes) const { return limit.bytes_left() < std::max(bytes, budget / 8); }
  ledger_resource ledger;
  limit_resource limit{&ledger, budget};
  std::pmr::pool_options options{};
  std::pmr::memory_resource* top() { return &limit; }
};

template <class Pool, class Setup>
std::unique_ptr<subject> make() {
  return std::make_unique<pool_subject<Pool, Setup>>();
}

template <class Pool, class Setup>
constexpr subject_kind kind(std::string_view name, std::size_t long_steps) {
  return {name, long_steps, make<Pool, Setup>, random_pool_steps, pool_steps_of};
}

constexpr subject_kind pool_subjects[] = {
    kind<unsynchronized_pool_resource, plain>("unsynchronized", 3'200'000),
    kind<synchronized_pool_resource, plain>("synchronized", 1'600'000),
    kind<unsynchronized_pool_resource, tight>("unsynchronized_tight", 80'000),
    kind<synchronized_pool_resource, tight>("synchronized_tight", 80'000),
    kind<unsynchronized_pool_resource, limited>("unsynchronized_limited", 1'600'000),
    kind<synchronized_pool_resource, limited>("synchronized_limited", 400'000),
    kind<synchronized_pool_resource, stacked>("stacked", 100'000),
};

} // namespace

std::span<const subject_kind> pool_kinds() { return pool_subjects; }

} // namespace quarry::test
