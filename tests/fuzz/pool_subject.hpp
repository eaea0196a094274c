#pragma once

// A pool and its model: the blocks that are live, by what was asked, and so the numbers of statistics().
#include "../support/ledger_resource.hpp"
#include "../support/sanitizers.hpp"
#include "payload.hpp"
#include "subject.hpp"

#include <quarry/statistics.hpp>
#include <quarry/violation.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <vector>

namespace quarry::test {

// `Setup` has the ledger and what lies between it and the pool: `ledger`, `top()`, `options`, whether what
// the pool holds is what the ledger holds (`exact`), and whether std::bad_alloc may come at any time
// (`short_of`).
template <class Pool, class Setup>
class pool_subject final : public subject {
public:
  void run(const step& s) override {
    switch (s.what) {
    case verb::allocate:
      allocate(s.a, s.b);
      break;
    case verb::at_least:
      allocate_at_least(s.a, s.b);
      break;
    case verb::burst:
      for (std::uint32_t i = 0; i < s.c; ++i)
        if (!allocate(s.a, s.b)) break;
      break;
    case verb::free:
      if (!live_.empty()) free(s.a % live_.size());
      break;
    case verb::drain:
      drain(live_, s.a, s.b, [this](std::size_t i) { free(i); });
      break;
    case verb::reserve:
      reserve(s.a, s.b, s.c);
      break;
    case verb::trim:
      trim(s.a);
      break;
    case verb::release:
      release();
      break;
    case verb::refuse:
      around_.ledger.refuse_at(s.a, s.b);
      break;
    case verb::misuse:
      misuse(s.a, s.b, s.c);
      break;
    default: // who does it is not this one's business
      break;
    }
  }

  void check() override {
    pool_.check_invariants();
    const ledger_resource& ledger = around_.ledger;
    require(ledger.mismatches().empty(), "upstream was given back something it had not given");
    const pool_statistics seen = pool_.statistics();
    if (Setup::exact) {
      require(seen.bytes_held == ledger.held(), "bytes_held is not what is held");
      require(seen.upstream_deallocations == ledger.deallocations(), "upstream_deallocations is wrong");
    }
    require(seen.dropped_blocks == dropped_, "a good block was dropped, or a bad one was not");
    check_classes(seen);
    require(seen.oversized_blocks == oversized_blocks_, "the number of oversized blocks is wrong");
    require(seen.oversized_bytes == oversized_bytes_, "oversized_bytes is not what is live");
  }

  void check_payloads() override {
    for (const live_block& b : live_) {
      require(payload::is_whole(b.address, b.bytes, b.id), "a live block was overwritten");
      require(pool_.owns(b.address), "the pool does not own a block it gave");
    }
  }

  void end() override {
    while (!live_.empty()) free(live_.size() - 1);
    check();
    pool_.release();
    if (Setup::exact) require(around_.ledger.clean(), "upstream did not get everything back");
  }

private:
  struct live_block {
    void* address;
    std::size_t bytes, id; // of the payload: the real capacity where that was told
    std::uint32_t asked, alignment;
  };

  // ---- allocating

  bool allocate(std::size_t bytes, std::size_t alignment) {
    const std::size_t good = pool_.good_size(bytes, alignment);
    void* const p = unless_refused(bytes, anything_reserved_ && is_reserved(bytes, alignment, good),
                                   [&] { return pool_.allocate(bytes, alignment); });
    return p != nullptr && note(p, bytes, bytes, alignment, good);
  }

  bool allocate_at_least(std::size_t bytes, std::size_t alignment) {
    const std::size_t good = pool_.good_size(bytes, alignment);
    std::size_t got = 0;
    void* const p = unless_refused(bytes, anything_reserved_ && is_reserved(bytes, alignment, good), [&] {
      const auto result = pool_.allocate_at_least(bytes, alignment);
      got = result.size;
      return result.ptr;
    });
    if (p == nullptr) return false;
    require(got >= bytes, "allocate_at_least gave less than was asked");
    require(got == good, "allocate_at_least and good_size disagree");
    return note(p, got, bytes, alignment, good);
  }

  // Upstream's own exception is the only excuse for having nothing, and there is none for reserved blocks.
  template <class F>
  void* unless_refused(std::size_t bytes, bool reserved, F get) {
    ++operations_;
    const ledger_resource& ledger = around_.ledger;
    const std::size_t calls = reserved ? ledger.calls() : 0;
    try {
      void* const p = get();
      require(p != nullptr, "an allocation gave null");
      require(!reserved || ledger.calls() == calls, "a reserved block took a call upstream");
      return p;
    } catch (const std::bad_alloc&) {
      require(!reserved, "a reserved block was refused");
      expect_excuse(bytes);
      return nullptr;
    }
  }

  void expect_excuse(std::size_t bytes) {
    const std::size_t refusals = around_.ledger.refusals();
    require(refusals != refusals_seen_ || around_.is_short_of(bytes),
            "an exception that upstream did not throw");
    refusals_seen_ = refusals;
  }

  bool note(void* p, std::size_t bytes, std::size_t asked, std::size_t alignment, std::size_t good) {
    const void* volatile address = p; // compilers know what alignment is promised, and would not look
    require(reinterpret_cast<std::uintptr_t>(address) % alignment == 0, "a block is misaligned");
    live_.push_back(
        {p, bytes, ++blocks_made_, static_cast<std::uint32_t>(asked), static_cast<std::uint32_t>(alignment)});
    payload::write(p, bytes, blocks_made_);
    count(live_.back(), good, 1);
    peak_ = std::max(peak_, in_use_);
    return true;
  }

  // ---- giving back

  // With a size between the one asked and the real capacity.
  void free(std::size_t index) {
    ++operations_;
    const live_block b = live_[index];
    require(payload::is_whole(b.address, b.bytes, b.id), "a block was overwritten before its free");
    live_[index] = live_.back();
    live_.pop_back();
    count(b, pool_.good_size(b.asked, b.alignment), -1);
    const std::size_t allocations = around_.ledger.allocations();
    pool_.deallocate(b.address, b.asked + b.id % (b.bytes - b.asked + 1), b.alignment);
    require(around_.ledger.allocations() == allocations, "deallocate called upstream's allocate");
  }

  // ---- misuse

  // Blocks are freed, each after one that is given back as if it were of the same kind, or after what is no
  // block. No allocation comes before the caches are empty: one might be given what is not free.
  void misuse(std::size_t index, std::size_t count, std::size_t offset) {
    {
      const reports_allowed while_it_lasts;
      for (std::size_t i = 0; i < count && !live_.empty(); ++i) {
        index = index * 5 + 12'345;
        const std::size_t kind = index % live_.size();
        if (i % 8 == 0)
          free_wrongly(elsewhere_.data() + offset % elsewhere_.size() / 8 * 8, live_[kind]);
        else if (const live_block& b = live_[index / 7 % live_.size()]; !are_alike(b, live_[kind]))
          free_wrongly(b.address, live_[kind]);
        free(kind);
      }
      pool_.trim(0);
    }
    require(pool_.statistics().dropped_blocks == dropped_, "not all bad frees were noticed, or others were");
  }

  bool are_alike(const live_block& a, const live_block& b) const {
    return pool_.good_size(a.asked, a.alignment) == pool_.good_size(b.asked, b.alignment);
  }

  void free_wrongly(void* address, const live_block& as) {
    ++operations_;
    ++dropped_;
    pool_.deallocate(address, as.asked, as.alignment);
  }

  class reports_allowed {
  public:
    reports_allowed() : before_(set_violation_handler({[](const violation&, void*) noexcept {}, nullptr})) {}
    ~reports_allowed() { set_violation_handler(before_); }
    reports_allowed(const reports_allowed&) = delete;
    reports_allowed& operator=(const reports_allowed&) = delete;

  private:
    const violation_handler before_;
  };

  void trim(std::size_t keep) {
    ++operations_;
    const std::size_t held = around_.ledger.held();
    const std::size_t given_back = pool_.trim(keep);
    if (Setup::exact) require(held - around_.ledger.held() == given_back, "trim gave back something else");
    const pool_statistics seen = pool_.statistics();
    require(seen.bytes_cached == 0, "trim left something in a cache");
    const bool all_empty = live_.size() == oversized_blocks_ && !anything_reserved_ && keep == 0;
    require(!all_empty || seen.chunks == 0, "trim left a chunk without a used block");
  }

  void release() {
    ++operations_;
    live_.clear();
    reserved_by_class_.fill(0);
    live_by_class_.fill(0);
    anything_reserved_ = false;
    in_use_ = oversized_blocks_ = oversized_bytes_ = 0;
    pool_.release();
    if (Setup::exact) require(around_.ledger.block_count() == 0, "release kept something");
  }

  // ---- reserving

  void reserve(std::size_t bytes, std::size_t alignment, std::size_t count) {
    ++operations_;
    if (is_oversized(bytes, alignment)) return;
    try {
      pool_.reserve(bytes, alignment, count);
    } catch (const std::bad_alloc&) {
      expect_excuse(bytes * count);
      return;
    }
    std::size_t& reserved = reserved_by_class_[size_class_of(pool_.good_size(bytes, alignment), 1)];
    reserved = std::max(reserved, count);
    anything_reserved_ = anything_reserved_ || count != 0;
  }

  bool is_reserved(std::size_t bytes, std::size_t alignment, std::size_t good) const {
    if (is_oversized(bytes, alignment)) return false;
    const size_class c = size_class_of(good, 1);
    return live_by_class_[c] < reserved_by_class_[c];
  }

  // ---- the books

  bool is_oversized(std::size_t bytes, std::size_t alignment) const {
    const std::size_t limit = options_.largest_required_pool_block;
    return std::max((bytes + alignment - 1) / alignment * alignment, alignment) > limit || alignment > 32'768;
  }

  void count(const live_block& b, std::size_t good, int by) {
    const std::size_t one = static_cast<std::size_t>(by);
    in_use_ += one * (is_oversized(b.asked, b.alignment) ? b.asked : good);
    if (is_oversized(b.asked, b.alignment)) {
      oversized_blocks_ += one;
      oversized_bytes_ += one * b.asked;
    } else {
      live_by_class_[size_class_of(good, 1)] += one;
    }
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
    require(under_asan || seen.bytes_in_use == in_use_, "bytes_in_use is not what is live");
    require(seen.peak_bytes_in_use >= peak_, "the peak is lower than what was in use");
  }

  Setup around_;
  Pool pool_{around_.options, around_.top()};
  const std::pmr::pool_options options_ = pool_.options();
  std::vector<live_block> live_;
  std::array<std::size_t, size_class_count> live_by_class_{}, reserved_by_class_{}; // pooled blocks
  bool anything_reserved_ = false;
  std::size_t blocks_made_ = 0, in_use_ = 0, peak_ = 0;
  std::size_t oversized_blocks_ = 0, oversized_bytes_ = 0, refusals_seen_ = 0, dropped_ = 0;
  alignas(64) std::array<std::byte, 4096> elsewhere_{};
};

// The pool alone on the ledger.
struct plain {
  static constexpr bool exact = true;
  bool is_short_of(std::size_t) const { return false; }
  ledger_resource ledger;
  std::pmr::pool_options options{};
  std::pmr::memory_resource* top() { return &ledger; }
};

} // namespace quarry::test
