// The pools as subjects: alone, with tight options, on each other.
#include "pool_subject.hpp"

#include <quarry/pool_resource.hpp>

namespace quarry::test {

namespace {

struct plain {
  static constexpr bool exact = true, short_of = false;
  ledger_resource ledger;
  std::pmr::pool_options options{};
  std::pmr::memory_resource* top() { return &ledger; }
};

// Small chunks, each for one class, and many oversized blocks.
struct tight : plain {
  tight() { options = {8, 512}; }
};

// A pool on a pool on a pool.
struct stacked {
  static constexpr bool exact = false, short_of = false;
  ledger_resource ledger;
  synchronized_pool_resource bottom{&ledger};
  unsynchronized_pool_resource middle{{64, 8192}, &bottom};
  std::pmr::pool_options options{16, 1024};
  std::pmr::memory_resource* top() { return &middle; }
};

template <class Pool, class Setup>
std::unique_ptr<subject> make() {
  return std::make_unique<pool_subject<Pool, Setup>>();
}

template <class Pool, class Setup>
constexpr subject_kind kind(std::string_view name, std::size_t long_steps) {
  return {name, long_steps, make<Pool, Setup>, random_pool_steps, pool_steps_of};
}

constexpr subject_kind kinds[] = {
    kind<unsynchronized_pool_resource, plain>("unsynchronized", 200'000),
    kind<synchronized_pool_resource, plain>("synchronized", 200'000),
    kind<unsynchronized_pool_resource, tight>("unsynchronized_tight", 20'000),
    kind<synchronized_pool_resource, tight>("synchronized_tight", 20'000),
    kind<synchronized_pool_resource, stacked>("stacked", 50'000),
};

} // namespace

std::span<const subject_kind> subject_kinds() { return kinds; }

const subject_kind& subject_named(std::string_view name) {
  for (const subject_kind& each : subject_kinds())
    if (each.name == name) return each;
  throw std::invalid_argument("no such subject: " + std::string(name));
}

} // namespace quarry::test
