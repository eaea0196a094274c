// Resources that promise no more than any memory_resource: blocks that are aligned, apart and kept.
#include "../support/ledger_resource.hpp"
#include "payload.hpp"
#include "subject.hpp"

#include <quarry/checked_resource.hpp>
#include <quarry/page_resource.hpp>
#include <quarry/pool_resource.hpp>

#include <cstdint>
#include <new>
#include <vector>

namespace quarry::test {

namespace {

class resource_subject : public subject {
public:
  void run(const step& s) override {
    switch (s.what) {
    case verb::allocate:
    case verb::at_least:
      allocate(s.a, s.b);
      break;
    case verb::burst:
      for (std::uint32_t i = 0; i < s.c && allocate(s.a, s.b); ++i) {
      }
      break;
    case verb::free:
      if (!live_.empty()) free(s.a % live_.size());
      break;
    case verb::drain:
      drain(live_, s.a, s.b, [this](std::size_t i) { free(i); });
      break;
    case verb::refuse:
      ledger_.refuse_at(s.a, s.b);
      break;
    default: // nothing that every resource has
      break;
    }
  }

  void check() override {
    require(ledger_.mismatches().empty(), "upstream was given back something it had not given");
  }
  void check_payloads() override {
    for (const live_block& b : live_)
      require(payload::is_whole(b.address, b.bytes, b.id), "a live block was overwritten");
  }
  void end() override {
    while (!live_.empty()) free(live_.size() - 1);
    resource_.reset();
    check();
    require(ledger_.block_count() == 0, "upstream did not get everything back");
  }

protected:
  struct resource_holder {
    virtual ~resource_holder() = default;
    virtual std::pmr::memory_resource& resource() = 0;
  };

  ledger_resource ledger_;
  std::unique_ptr<resource_holder> resource_;

private:
  struct live_block {
    void* address;
    std::size_t bytes, alignment, id;
  };

  bool allocate(std::size_t bytes, std::size_t alignment) {
    ++operations_;
    void* p;
    try {
      p = resource_->resource().allocate(bytes, alignment);
    } catch (const std::bad_alloc&) {
      require(ledger_.refusals() != refusals_seen_, "an exception that upstream did not throw");
      refusals_seen_ = ledger_.refusals();
      return false;
    }
    const void* volatile address = p;
    require(reinterpret_cast<std::uintptr_t>(address) % alignment == 0, "a block is misaligned");
    live_.push_back({p, bytes, alignment, ++blocks_made_});
    payload::write(p, bytes, blocks_made_);
    return true;
  }

  void free(std::size_t index) {
    ++operations_;
    const live_block b = live_[index];
    require(payload::is_whole(b.address, b.bytes, b.id), "a block was overwritten before its free");
    live_[index] = live_.back();
    live_.pop_back();
    resource_->resource().deallocate(b.address, b.bytes, b.alignment);
  }

  std::vector<live_block> live_;
  std::size_t blocks_made_ = 0, refusals_seen_ = 0;
};

// What checks is itself right: it reports nothing, and changes nothing that is live.
class checked_subject final : public resource_subject {
  struct pool_and_checker final : resource_holder {
    explicit pool_and_checker(ledger_resource& ledger) : pool(&ledger) {}
    std::pmr::memory_resource& resource() override { return checked; }
    synchronized_pool_resource pool;
    checked_resource checked{&pool};
  };

public:
  checked_subject() { resource_ = std::make_unique<pool_and_checker>(ledger_); }
};

// The system's pages; the ledger has nothing to do.
class pages_subject final : public resource_subject {
  struct pages final : resource_holder {
    std::pmr::memory_resource& resource() override { return *page_resource(); }
  };

public:
  pages_subject() { resource_ = std::make_unique<pages>(); }
};

template <class Subject>
std::unique_ptr<subject> make() {
  return std::make_unique<Subject>();
}

constexpr subject_kind resource_subjects[] = {
    {"checked", 40'000, make<checked_subject>, random_pool_steps, pool_steps_of},
    {"pages", 10'000, make<pages_subject>, random_pool_steps, pool_steps_of},
};

} // namespace

std::span<const subject_kind> resource_kinds() { return resource_subjects; }

} // namespace quarry::test
