#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory_resource>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace quarry::test {

// An upstream that keeps the books: every block it gave, by address, size and alignment; every call; what is
// held now and was at most. It can refuse call k, and it notices calls of two threads that overlap.
// Thread-safe, so that a pool that breaks the rules is reported, not raced with. Its own tables live outside
// `upstream`.
class ledger_resource final : public std::pmr::memory_resource {
  mutable std::mutex mutex_;

  template <class F>
  auto locked(F f) const {
    const std::lock_guard guard(mutex_);
    return f();
  }

public:
  struct block {
    void* address;
    std::size_t size, alignment;
    bool operator==(const block&) const = default;
  };
  // What a refused call throws: a type of its own, so that a test sees that it is upstream's own exception.
  struct refused : std::bad_alloc {
    const char* what() const noexcept override { return "ledger_resource refused"; }
  };

  explicit ledger_resource(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource())
      : upstream_(upstream) {}

  // What was never given back goes upstream here, so that a leak is one failed test and not a leak report as
  // well.
  ~ledger_resource() override {
    for (const auto& [address, b] : blocks_) upstream_->deallocate(address, b.size, b.alignment);
  }
  ledger_resource(const ledger_resource&) = delete;
  ledger_resource& operator=(const ledger_resource&) = delete;

  // Calls seen; a refused allocate counts too.
  std::size_t allocations() const {
    return locked([&] { return allocations_; });
  }
  std::size_t deallocations() const {
    return locked([&] { return deallocations_; });
  }
  std::size_t calls() const {
    return locked([&] { return allocations_ + deallocations_; });
  }
  std::size_t refusals() const {
    return locked([&] { return refusals_; });
  }

  std::size_t held() const {
    return locked([&] { return held_; });
  }
  std::size_t peak_held() const {
    return locked([&] { return peak_held_; });
  }
  void reset_peak() {
    locked([&] { peak_held_ = held_; });
  }
  std::size_t block_count() const {
    return locked([&] { return blocks_.size(); });
  }
  std::vector<block> blocks() const { // in address order
    return locked([&] {
      std::vector<block> all;
      for (const auto& [address, b] : blocks_) all.push_back(b);
      return all;
    });
  }
  // Every allocate that succeeded, in order, given back or not.
  std::vector<block> history() const {
    return locked([&] { return history_; });
  }

  // Deallocations that match no block: unknown address, other size, other alignment. They are not forwarded.
  std::vector<std::string> mismatches() const {
    return locked([&] { return mismatches_; });
  }
  // Calls that began while another thread was inside one. A call from inside a call, on one thread, is no
  // overlap.
  std::size_t overlaps() const { return overlaps_.load(); }
  bool clean() const { return block_count() == 0 && mismatches().empty(); }

  // From now on allocate call `k` (0 is the next one) and the `count - 1` after it throw `refused`.
  void refuse_at(std::size_t k, std::size_t count = 1) {
    locked([&] { refuse_ = {allocations_ + k, count}; });
  }
  void refuse_from_now() { refuse_at(0, static_cast<std::size_t>(-1)); }
  void refuse_nothing() { refuse_at(0, 0); }

  // Runs at the start of every call, with no lock of the ledger held: to yield, to call back into a pool, to
  // throw. Set it only while no other thread is inside.
  std::function<void()> on_call;

private:
  struct refusal {
    std::size_t first = 0, count = 0;
  };

  // Marks this thread as the one inside, and counts it when another one already is.
  class presence {
  public:
    explicit presence(ledger_resource& r) : r_(r) {
      std::thread::id inside{};
      outermost_ = r_.inside_.compare_exchange_strong(inside, std::this_thread::get_id());
      if (!outermost_ && inside != std::this_thread::get_id()) ++r_.overlaps_;
    }
    ~presence() {
      if (outermost_) r_.inside_.store({});
    }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;

  private:
    ledger_resource& r_;
    bool outermost_;
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    const presence here(*this);
    if (on_call) on_call();
    if (locked([&] { return refuses(bytes); })) throw refused();
    void* const p = upstream_->allocate(bytes, alignment);
    locked([&] { note(block{p, bytes, alignment}); });
    return p;
  }

  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    const presence here(*this);
    if (on_call) on_call();
    if (locked([&] { return strike(block{p, bytes, alignment}); }))
      upstream_->deallocate(p, bytes, alignment);
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  // Sizes no machine has are refused here as well: sanitizers' operator new aborts on them.
  bool refuses(std::size_t bytes) {
    const std::size_t call = allocations_++;
    const bool no =
        bytes > largest_possible || (call >= refuse_.first && call - refuse_.first < refuse_.count);
    refusals_ += no;
    return no;
  }

  void note(const block& b) {
    blocks_.emplace(b.address, b);
    history_.push_back(b);
    held_ += b.size;
    peak_held_ = std::max(peak_held_, held_);
  }

  bool strike(const block& b) {
    ++deallocations_;
    const auto found = blocks_.find(b.address);
    if (found == blocks_.end() || found->second != b) {
      const std::string what = found == blocks_.end() ? "unknown address" : "other size or alignment";
      mismatches_.push_back(what + ": size " + std::to_string(b.size) + ", alignment " +
                            std::to_string(b.alignment));
      return false;
    }
    held_ -= b.size;
    blocks_.erase(found);
    return true;
  }

  static constexpr std::size_t largest_possible = std::size_t{1} << 46;

  std::pmr::memory_resource* upstream_;
  std::map<void*, block> blocks_;
  std::vector<block> history_;
  std::vector<std::string> mismatches_;
  std::size_t allocations_ = 0, deallocations_ = 0, refusals_ = 0, held_ = 0, peak_held_ = 0;
  refusal refuse_;
  std::atomic<std::thread::id> inside_{};
  std::atomic<std::size_t> overlaps_ = 0;
};

} // namespace quarry::test
