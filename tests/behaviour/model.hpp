#pragma once

// What a pool must look like after each step of a script: the blocks that are live, by what was asked, and so
// the numbers of statistics().
#include "script.hpp"

#include <algorithm>
#include <stdexcept>

namespace quarry::test {

inline void require(bool condition, const std::string& what) {
  if (!condition) throw std::logic_error(what);
}

template <class Pool>
class model {
public:
  model(Pool& pool, ledger_resource& upstream) : pool_(pool), upstream_(upstream) {}
  ~model() {
    while (!live_.empty()) free(live_.size() - 1);
  }
  model(const model&) = delete;
  model& operator=(const model&) = delete;

  // Does one step; throws std::logic_error when the pool did something else than it should.
  void run(const step& s) {
    switch (s.what) {
    case verb::allocate:
      allocate([&] { return std::pair(pool_.allocate(s.a, s.b), s.a); }, s);
      break;
    case verb::at_least:
      allocate([&] { return at_least(s); }, s);
      break;
    case verb::free:
      free_checked(s.a);
      break;
    case verb::reserve:
      reserve(s);
      break;
    case verb::trim:
      trim(s.a);
      break;
    case verb::release:
      release();
      break;
    case verb::refuse:
      upstream_.refuse_at(0, s.a);
      break;
    }
  }

  // What holds between any two steps, when no thread is inside.
  void check() const {
    pool_.check_invariants();
    require(upstream_.mismatches().empty(), "upstream was given back something it had not given");
    const pool_statistics seen = pool_.statistics();
    require(seen.bytes_held == upstream_.held(), "bytes_held is not what is held");
    require(seen.upstream_allocations == upstream_.allocations() - upstream_.refusals(),
            "upstream_allocations is wrong");
    require(seen.upstream_deallocations == upstream_.deallocations(), "upstream_deallocations is wrong");
    require(seen.dropped_blocks == 0, "a good block was dropped");
    check_classes(seen);
    check_oversized(seen);
  }
  void check_payloads() const {
    for (const auto& b : live_) require(holds_pattern(b.memory, b.id), "a live block was overwritten");
  }

private:
  struct live_block {
    block memory; // its size is the real capacity where that was told
    std::size_t asked, id;
  };

  std::pair<void*, std::size_t> at_least(const step& s) {
    const auto got = pool_.allocate_at_least(s.a, s.b);
    require(got.size >= s.a, "allocate_at_least gave less than was asked");
    require(got.size == pool_.good_size(s.a, s.b), "allocate_at_least and good_size disagree");
    return {got.ptr, got.size};
  }

  template <class F>
  void allocate(F get, const step& s) {
    const auto [p, bytes] = unless_refused(get);
    if (p == nullptr) return;
    require(reinterpret_cast<std::uintptr_t>(p) % s.b == 0, "a block is misaligned");
    require(pool_.owns(p), "the pool does not own a block it gave");
    live_.push_back({{p, bytes, s.b}, s.a, ++blocks_made_});
    write_pattern(live_.back().memory, live_.back().id);
  }

  // Upstream's own exception is the only excuse for having nothing.
  template <class F>
  std::pair<void*, std::size_t> unless_refused(F get) {
    const std::size_t refusals = upstream_.refusals();
    try {
      const std::pair<void*, std::size_t> got = get();
      require(got.first != nullptr, "an allocation gave null");
      return got;
    } catch (const ledger_resource::refused&) {
      require(upstream_.refusals() != refusals, "an exception of upstream's that it did not throw");
      return {};
    }
  }

  void free_checked(std::size_t index) {
    if (live_.empty()) return;
    index %= live_.size();
    require(holds_pattern(live_[index].memory, live_[index].id), "a block was overwritten before its free");
    const std::size_t allocations = upstream_.allocations();
    free(index);
    require(upstream_.allocations() == allocations, "deallocate called upstream's allocate");
  }

  // With a size between the one asked and the real capacity.
  void free(std::size_t index) {
    const live_block b = live_[index];
    live_[index] = live_.back();
    live_.pop_back();
    pool_.deallocate(b.memory.address, b.asked + b.id % (b.memory.bytes - b.asked + 1), b.memory.alignment);
  }

  void reserve(const step& s) {
    try {
      pool_.reserve(s.a, s.b, s.c);
      anything_reserved_ = anything_reserved_ || s.c != 0;
    } catch (const ledger_resource::refused&) {
    }
  }

  void trim(std::size_t keep) {
    const std::size_t held = upstream_.held();
    const std::size_t given_back = pool_.trim(keep);
    require(held - upstream_.held() == given_back, "trim did not give back what it says");
    require(pool_.statistics().bytes_cached == 0, "trim left something in a cache");
    const bool all_empty = live_.empty() && !anything_reserved_ && keep == 0;
    require(!all_empty || pool_.statistics().chunks == 0, "trim left a chunk without a used block");
  }

  void release() {
    live_.clear();
    anything_reserved_ = false;
    pool_.release();
    require(upstream_.block_count() == 0, "release kept something");
  }

  bool is_oversized(const live_block& b) const {
    const std::size_t a = b.memory.alignment, limit = pool_.options().largest_required_pool_block;
    return std::max((b.asked + a - 1) / a * a, a) > limit;
  }

  void check_classes(const pool_statistics& seen) const {
    std::size_t in_use = 0, cached = 0, free = 0, blocks = 0;
    for (const size_class_statistics& c : seen.classes()) {
      in_use += c.blocks_in_use * c.block_size;
      cached += c.blocks_cached * c.block_size;
      free += c.blocks_free * c.block_size;
      blocks += c.blocks_in_use;
    }
    require(seen.bytes_in_use == in_use + seen.oversized_bytes, "bytes_in_use is not its classes' sum");
    require(seen.bytes_cached == cached, "bytes_cached is not its classes' sum");
    require(seen.bytes_free == free, "bytes_free is not its classes' sum");
    require(seen.bytes_in_use + cached + free <= seen.bytes_held, "more is carved than held");
    require(blocks + seen.oversized_blocks == live_.size(), "the number of live blocks is wrong");
    require(seen.peak_bytes_in_use >= seen.bytes_in_use, "the peak is lower than what is in use");
    check_bytes_in_use(seen);
  }

  void check_bytes_in_use(const pool_statistics& seen) const {
    std::size_t expected = 0;
    for (const live_block& b : live_)
      expected += is_oversized(b) ? b.asked : pool_.good_size(b.asked, b.memory.alignment);
    if (!under_asan) // where blocks are padded
      require(seen.bytes_in_use == expected, "bytes_in_use is not what is live");
  }

  void check_oversized(const pool_statistics& seen) const {
    std::size_t blocks = 0, bytes = 0;
    for (const live_block& b : live_)
      if (is_oversized(b)) {
        ++blocks;
        bytes += b.asked;
      }
    require(seen.oversized_blocks == blocks, "the number of oversized blocks is wrong");
    require(seen.oversized_bytes == bytes, "oversized_bytes is not what is live");
  }

  Pool& pool_;
  ledger_resource& upstream_;
  std::vector<live_block> live_;
  std::size_t blocks_made_ = 0;
  bool anything_reserved_ = false;
};

} // namespace quarry::test
