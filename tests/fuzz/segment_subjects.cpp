// A segment pool and its model: what is live, as segments, spans, blocks and shared bytes, each with its
// content.
#include "../support/ledger_resource.hpp"
#include "subject.hpp"

#include <quarry/segment_pool.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <utility>
#include <vector>

namespace quarry::test {

namespace {

// Content depends on its owner and on the place, so that slices can be checked.
std::byte content_at(std::size_t id, std::size_t i) {
  return static_cast<std::byte>(id * 37 + i * 7 + (i >> 6));
}
void write_content(std::span<std::byte> to, std::size_t id) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = content_at(id, i);
}
bool holds_content(std::span<const std::byte> bytes, std::size_t id, std::size_t from) {
  unsigned differences = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    differences |= static_cast<unsigned>(bytes[i] ^ content_at(id, from + i));
  return differences == 0;
}

// Holds every other region that is to go.
class holding_observer final : public region_observer {
public:
  void region_added(const region&) override { ++regions; }
  bool region_retiring(const region& r) noexcept override {
    if (++retiring_ % 2 == 0 || held.size() == held.capacity()) {
      --regions;
      return true;
    }
    held.push_back(r.id);
    return false;
  }
  holding_observer() { held.reserve(64); }

  std::size_t regions = 0;
  std::vector<std::size_t> held;

private:
  std::size_t retiring_ = 0;
};

class segment_subject final : public subject {
public:
  explicit segment_subject(segment_pool_options options, bool holds_regions) : options_(options) {
    if (holds_regions) options_.observer = &observer_;
    options_.on_violation = {note, this};
    pool_.emplace(options_, &ledger_);
  }

  void run(const step& s) override {
    switch (s.what) {
    case verb::segment:
    case verb::try_segment:
      add_segment(s.a, s.what == verb::try_segment);
      break;
    case verb::span:
      add_span(s.a);
      break;
    case verb::allocate:
      add_block(s.a, s.b);
      break;
    case verb::burst:
      for (std::uint32_t i = 0; i < s.c; ++i)
        if (!(s.b == 1 ? add_block(s.a, 8) : add_segment(s.a, s.b == 2))) break;
      break;
    case verb::free:
      if (!live_.empty()) free(s.a % live_.size());
      break;
    case verb::drain:
      drain(live_, s.a, s.b, [this](std::size_t i) { free(i); });
      break;
    case verb::resize:
      if (item* const it = pick(s.a); it != nullptr && it->whole)
        it->whole.resize(s.b % (it->whole.capacity() + 1));
      break;
    case verb::hand_out:
      if (item* const it = pick(s.a)) hand_out(*it);
      break;
    case verb::share:
      if (item* const it = pick(s.a)) share(*it);
      break;
    case verb::slice:
      if (item* const it = pick(s.a)) slice(*it, s.b, s.c);
      break;
    case verb::trim:
      trim(s.a);
      break;
    case verb::release:
      release();
      break;
    case verb::misuse:
      misuse(pick(s.a), s.b, s.c);
      break;
    case verb::abandon:
      abandon();
      break;
    case verb::let_go:
      let_go();
      break;
    case verb::refuse:
      ledger_.refuse_at(s.a, s.b);
      break;
    default:
      break;
    }
    require(ledger_.held() <= options_.byte_limit || pools_ > 1, "more is held than the limit");
  }

  void check() override {
    pool_->check_invariants();
    require(!violated_.has_value(), "the pool reports a violation");
    require(ledger_.mismatches().empty(), "upstream was given back something it had not given");
    const pool_statistics seen = pool_->statistics();
    std::size_t blocks = seen.oversized_blocks;
    for (const size_class_statistics& c : seen.classes()) blocks += c.blocks_in_use;
    require(blocks == *blocks_, "the number of live blocks is wrong");
    require(seen.dropped_blocks == 0, "a good block was dropped");
    require(pools_ > 1 || seen.bytes_held == ledger_.held(), "bytes_held is not what is held");
  }

  void check_payloads() override {
    for (const item& it : live_) check(it);
  }

  void end() override {
    while (!live_.empty()) free(live_.size() - 1);
    let_go();
    check();
    pool_.reset();
    require(ledger_.clean(), "upstream did not get everything back");
  }

private:
  // A block that may have several owners; tells when the last has gone.
  struct origin {
    std::size_t id;
    std::shared_ptr<std::size_t> blocks; // of its pool
    origin(std::size_t number, std::shared_ptr<std::size_t> of) : id(number), blocks(std::move(of)) {
      ++*blocks;
    }
    ~origin() { --*blocks; }
    origin(const origin&) = delete;
    origin& operator=(const origin&) = delete;
  };
  struct item {
    std::shared_ptr<origin> from;
    segment whole{};
    std::span<std::byte> span{}; // of a span or a block
    std::size_t alignment = 0;   // of a block
    shared_segment shared{};
    std::size_t offset = 0; // of the shared bytes in the content

    bool is_of(const std::shared_ptr<std::size_t>& pool) const {
      return from == nullptr || from->blocks == pool;
    }
    bool dies_with_pool() const { return span.data() != nullptr; }
  };

  // ---- allocating

  // Upstream's exception or the limit are the only excuses, and not on an empty pool.
  template <class F>
  bool unless_refused(F get) {
    ++operations_;
    bool done = false;
    try {
      done = get();
    } catch (const std::bad_alloc&) {
    }
    if (done) return true;
    const bool refused = refused_last_ = ledger_.refusals() != refusals_seen_;
    refusals_seen_ = ledger_.refusals();
    require(refused || options_.byte_limit != segment_pool_options::unlimited,
            "an exception that upstream did not throw");
    if (!refused) expect_room_of_a_freed_one();
    return false;
  }

  // Over the limit: what is freed can be had again at once.
  void expect_room_of_a_freed_one() {
    const auto found = std::find_if(live_.begin(), live_.end(), [&](const item& it) {
      return it.whole && it.from != nullptr && it.from->blocks == blocks_;
    });
    if (found == live_.end()) return;
    const std::size_t capacity = found->whole.capacity();
    free(static_cast<std::size_t>(found - live_.begin()));
    const segment again = pool_->try_allocate_segment(capacity);
    require(again || ledger_.refusals() != refusals_seen_, "the room of a freed segment is not there");
  }

  bool add_segment(std::size_t bytes, bool try_only) {
    segment got;
    const bool must_be_there =
        live_.empty() && pools_ == 1 && observer_.held.empty() && bytes <= options_.largest_segment;
    const bool done = unless_refused([&] {
      got = try_only ? pool_->try_allocate_segment(bytes) : pool_->allocate_segment(bytes);
      return static_cast<bool>(got);
    });
    require(done || !must_be_there || refused_last_, "an empty pool has no segment");
    if (!done) return false;
    require(got.size() == bytes && got.capacity() >= bytes, "a segment of another size");
    check_alignment(got.data(),
                    bytes == 0 ? 1 : std::min<std::size_t>(got.capacity() & (~got.capacity() + 1), 4096));
    item& it = note_new(bytes == 0);
    it.whole = std::move(got);
    if (it.from != nullptr) write_content({it.whole.data(), it.whole.capacity()}, it.from->id);
    return true;
  }

  bool add_span(std::size_t bytes) {
    std::span<std::byte> got;
    if (!unless_refused([&] {
          got = pool_->allocate_bytes(bytes);
          return true;
        }))
      return false;
    require(got.data() != nullptr && got.size() >= bytes, "a span of another size");
    item& it = note_new(bytes == 0);
    it.span = got;
    if (it.from != nullptr) write_content(got, it.from->id);
    return true;
  }

  bool add_block(std::size_t bytes, std::size_t alignment) {
    void* got = nullptr;
    std::pmr::memory_resource& resource = *pool_;
    if (!unless_refused([&] {
          got = resource.allocate(bytes, alignment);
          return true;
        }))
      return false;
    check_alignment(got, alignment);
    item& it = note_new(false);
    it.span = {static_cast<std::byte*>(got), bytes};
    it.alignment = alignment;
    write_content(it.span, it.from->id);
    return true;
  }

  static void check_alignment(const void* p, std::size_t alignment) {
    const void* volatile address = p;
    require(reinterpret_cast<std::uintptr_t>(address) % alignment == 0, "a block is misaligned");
  }

  item& note_new(bool empty) {
    live_.emplace_back();
    if (!empty) live_.back().from = std::make_shared<origin>(++blocks_made_, blocks_);
    return live_.back();
  }

  // ---- sharing

  item* pick(std::size_t index) { return live_.empty() ? nullptr : &live_[index % live_.size()]; }

  // Only while its pool lives, which is to take it back.
  void hand_out(item& it) {
    if (!it.whole || !it.is_of(blocks_)) return;
    ++operations_;
    it.span = it.whole.release();
  }

  void share(item& it) {
    ++operations_;
    if (it.whole) {
      it.shared = std::move(it.whole).share();
    } else if (it.shared) {
      item copy{it.from, {}, {}, 0, it.shared, it.offset};
      live_.push_back(std::move(copy));
    }
  }

  void slice(const item& it, std::size_t offset, std::size_t count) {
    if (!it.shared) return;
    ++operations_;
    offset %= it.shared.size() + 1;
    count %= it.shared.size() - offset + 1;
    item part{count == 0 ? nullptr : it.from, {}, {}, 0, it.shared.slice(offset, count), it.offset + offset};
    require(part.shared.size() == count, "a slice of another size");
    if (count != 0) live_.push_back(std::move(part));
  }

  // ---- giving back

  void check(const item& it) const {
    if (it.from == nullptr) return;
    const std::span<const std::byte> bytes =
        it.whole                    ? std::span<const std::byte>(it.whole.data(), it.whole.capacity())
        : it.span.data() != nullptr ? std::span<const std::byte>(it.span)
                                    : it.shared.span();
    require(holds_content(bytes, it.from->id, it.offset), "a live block was overwritten");
    require(bytes.empty() || !it.is_of(blocks_) || pool_->owns(bytes.data()),
            "the pool does not own a block it gave");
  }

  void free(std::size_t index) {
    ++operations_;
    check(live_[index]);
    std::swap(live_[index], live_.back());
    item it = std::move(live_.back());
    live_.pop_back();
    std::pmr::memory_resource& resource = *pool_;
    if (it.span.data() == nullptr) return; // by its destructor
    if (it.alignment != 0)
      resource.deallocate(it.span.data(), it.span.size(), it.alignment);
    else
      pool_->deallocate_bytes(it.span);
  }

  // ---- misuse, of which nothing comes but the report

  // What is somewhere else, in the middle of a block, longer than it is, or free.
  void misuse(const item* it, std::size_t bytes, std::size_t offset) {
    expect_report({violation_kind::foreign_pointer}, [&] {
      pool_->deallocate_bytes(std::span(elsewhere_).subspan(offset % elsewhere_.size()));
    });
    if (it != nullptr && it->span.data() != nullptr && it->from != nullptr) {
      const std::span<std::byte> right = it->span;
      if (right.size() > 1)
        expect_report({violation_kind::foreign_pointer},
                      [&] { pool_->deallocate_bytes(right.subspan(1 + offset % (right.size() - 1))); });
      expect_report({violation_kind::wrong_size}, [&] { free_as_longer(*it, offset); });
      check(*it);
    }
    free_twice(1 + bytes);
  }

  void free_as_longer(const item& it, std::size_t more) {
    std::pmr::memory_resource& resource = *pool_;
    if (it.alignment != 0) // the class alone is known
      resource.deallocate(it.span.data(), 2 * std::max(it.span.size(), it.alignment) + 128, it.alignment);
    else
      pool_->deallocate_bytes({it.span.data(), it.span.size() + 1 + more});
  }

  // Where its slab went with it, nobody knows it.
  void free_twice(std::size_t bytes) {
    ledger_.refuse_at(0, 0);
    if (!add_span(bytes)) return;
    const std::span<std::byte> freed = live_.back().span;
    free(live_.size() - 1);
    expect_report({violation_kind::double_free, violation_kind::foreign_pointer},
                  [&] { pool_->deallocate_bytes(freed); });
  }

  template <class Misuse>
  void expect_report(std::initializer_list<violation_kind> expected, Misuse misused) {
    ++operations_;
    require(!violated_.has_value(), "the pool reports a violation");
    misused();
    require(violated_.has_value(), "misuse is not reported");
    require(std::ranges::count(expected, *violated_) != 0, "misuse is called something else");
    violated_.reset();
  }

  void trim(std::size_t keep) {
    ++operations_;
    const std::size_t held = ledger_.held();
    const std::size_t given_back = pool_->trim(keep);
    require(held - ledger_.held() == given_back, "trim gave back something else");
    require(pool_->statistics().bytes_cached == 0, "trim left something in a cache");
  }

  void forget_what_dies() {
    std::erase_if(live_, [](const item& it) { return it.dies_with_pool(); });
  }

  void release() {
    ++operations_;
    forget_what_dies();
    pool_->release();
    const bool none = *blocks_ == 0 && pools_ == 1 && observer_.held.empty();
    require(!none || ledger_.block_count() == 0, "release kept something");
  }

  // Handles live on with what is left of their pool.
  void abandon() {
    ++operations_;
    observer_.held.clear(); // given back with the pool
    ledger_.refuse_at(0, 0);
    pool_.reset();
    forget_what_dies();
    pools_ = live_.empty() ? 1 : pools_ + 1;
    require(pools_ > 1 || ledger_.block_count() == 0, "a pool that ended kept something");
    blocks_ = std::make_shared<std::size_t>(0);
    pool_.emplace(options_, &ledger_);
  }

  void let_go() {
    ++operations_;
    for (const std::size_t id : std::exchange(observer_.held, {})) pool_->let_go(id);
    observer_.held.reserve(64);
  }

  static void note(const violation& v, void* self) noexcept {
    if (v.kind != violation_kind::leak) static_cast<segment_subject*>(self)->violated_ = v.kind;
  }

  ledger_resource ledger_;
  holding_observer observer_;
  segment_pool_options options_;
  std::shared_ptr<std::size_t> blocks_ = std::make_shared<std::size_t>(0); // live ones of this pool
  std::optional<segment_pool> pool_;
  std::vector<item> live_;
  std::size_t blocks_made_ = 0, refusals_seen_ = 0, pools_ = 1;
  bool refused_last_ = false;
  std::optional<violation_kind> violated_;
  std::array<std::byte, 256> elsewhere_{};
};

template <std::size_t slab_size, std::size_t largest, std::size_t limit, std::size_t retained, bool holds>
std::unique_ptr<subject> make() {
  segment_pool_options options;
  options.slab_size = slab_size;
  options.largest_segment = largest;
  options.byte_limit = limit;
  options.retain_bytes = retained;
  options.zero_on_free = holds;
  return std::make_unique<segment_subject>(options, holds);
}

constexpr std::size_t unlimited = segment_pool_options::unlimited;
constexpr subject_kind segment_subjects[] = {
    {"segments", 200'000, make<1 << 20, 64 << 10, unlimited, 4 << 20, false>, random_segment_steps,
     segment_steps_of},
    {"segments_small", 200'000, make<16 << 10, 4 << 10, unlimited, 0, false>, random_segment_steps,
     segment_steps_of},
    {"segments_limited", 200'000, make<256 << 10, 16 << 10, 2 << 20, 64 << 10, false>, random_segment_steps,
     segment_steps_of},
    {"segments_observed", 200'000, make<64 << 10, 64 << 10, unlimited, 64 << 10, true>, random_segment_steps,
     segment_steps_of},
};

} // namespace

std::span<const subject_kind> segment_kinds() { return segment_subjects; }

} // namespace quarry::test
