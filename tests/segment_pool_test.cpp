// Segments: what the pool gives, where it lies, and the regions it lies in.
#include <quarry/segment_pool.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory_resource>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "support/ledger_resource.hpp"
#include "support/poisoned.hpp"
#include "support/recorded_reports.hpp"
#include "support/sanitizers.hpp"

namespace {

using quarry::region;
using quarry::segment;
using quarry::segment_pool;
using quarry::segment_pool_options;
using quarry::shared_segment;
using quarry::test::ledger_resource;
using quarry::test::recorded_reports;

constexpr std::size_t page = 4096;

std::size_t address(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }
bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}
std::vector<region> regions_of(const segment_pool& pool) {
  std::vector<region> all;
  pool.for_each_region([&](const region& r) { all.push_back(r); });
  return all;
}
bool lies_in(std::span<const std::byte> bytes, const region& r) {
  return bytes.data() >= r.memory.data() && bytes.data() + bytes.size() <= r.memory.data() + r.memory.size();
}

// ---- the members of the interface this descends from, by their names there

TEST(original_interface, AllocByte_and_FreeByte) {
  ledger_resource up;
  segment_pool pool({}, &up);
  const std::span<std::byte> bytes = pool.allocate_bytes(1000);
  EXPECT_GE(bytes.size(), 1000u);
  std::fill(bytes.begin(), bytes.end(), std::byte{1});
  EXPECT_EQ(pool.statistics().bytes_in_use, bytes.size());
  pool.deallocate_bytes(bytes);
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  pool.check_invariants();
}

TEST(original_interface, AllocChar_and_FreeChar) {
  segment_pool pool;
  const std::span<char> chars = pool.allocate_chars(100);
  EXPECT_GE(chars.size(), 100u);
  std::fill(chars.begin(), chars.end(), 'x');
  pool.deallocate_chars(chars);
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
}

TEST(original_interface, AllocSegment_and_FreeSegment) {
  segment_pool pool;
  segment s = pool.allocate_segment(4096);
  EXPECT_EQ(s.size(), 4096u);
  EXPECT_EQ(s.capacity(), 4096u);
  EXPECT_EQ(address(s.data()) % page, 0u);
  const std::span<std::byte> whole = std::move(s).release();
  EXPECT_FALSE(s);
  EXPECT_EQ(whole.size(), 4096u);
  EXPECT_EQ(pool.statistics().bytes_in_use, 4096u);
  pool.deallocate_segment(whole);
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
}

TEST(original_interface, Empty) {
  segment_pool one, two;
  const std::span<std::byte> empty = segment_pool::empty_bytes();
  EXPECT_NE(empty.data(), nullptr);
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_EQ(one.allocate_bytes(0).data(), empty.data());
  EXPECT_EQ(reinterpret_cast<std::byte*>(one.allocate_chars(0).data()), empty.data());
  segment s = one.allocate_segment(0);
  EXPECT_TRUE(s);
  EXPECT_EQ(s.data(), empty.data());
  EXPECT_EQ(s.size(), 0u);
  two.deallocate_bytes(one.allocate_bytes(0));
  two.deallocate_segment(std::move(s).release());
  two.deallocate_chars(one.allocate_chars(0));
  EXPECT_EQ(one.statistics().bytes_held, 0u);
}

template <class T>
void round_trip() {
  segment_pool pool;
  for (const std::size_t count : {1u, 7u, 100u, 5000u, 100000u}) {
    const std::span<T> array = pool.allocate_array<T>(count);
    ASSERT_GE(array.size(), count);
    EXPECT_EQ(address(array.data()) % alignof(T), 0u);
    for (T& element : array) element = T{};
    pool.deallocate_array(array);
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  }
  EXPECT_THROW((void)pool.allocate_array<T>(~std::size_t{0} / 2), std::bad_alloc);
  pool.check_invariants();
}

struct triple {
  std::uint32_t a, b, c;
};
struct alignas(256) wide {
  std::byte bytes[256];
};

TEST(original_interface, arrays_of_char8_t) { round_trip<char8_t>(); }
TEST(original_interface, arrays_of_char16_t) { round_trip<char16_t>(); }
TEST(original_interface, arrays_of_char32_t) { round_trip<char32_t>(); }
TEST(original_interface, arrays_of_wchar_t) { round_trip<wchar_t>(); }
TEST(original_interface, arrays_of_a_struct) { round_trip<triple>(); }
TEST(original_interface, arrays_of_an_aligned_struct) { round_trip<wide>(); }

// ---- sub-blocks

TEST(segments, a_thousand_lie_in_few_regions) {
  ledger_resource up;
  segment_pool pool({}, &up);
  std::vector<segment> segments;
  for (int i = 0; i != 1000; ++i) segments.push_back(pool.allocate_segment(4096));
  std::set<std::size_t> ids;
  const auto regions = regions_of(pool);
  for (const segment& s : segments) {
    ids.insert(s.slab_id());
    const auto in =
        std::find_if(regions.begin(), regions.end(), [&](const region& r) { return r.id == s.slab_id(); });
    ASSERT_NE(in, regions.end());
    EXPECT_TRUE(lies_in(s.span(), *in));
    EXPECT_EQ(in->memory.data() + s.slab_offset(), s.data());
  }
  EXPECT_LE(ids.size(), 5u);
  for (const region& r : regions) EXPECT_EQ(r.memory.size(), std::size_t{1} << 20);
}

TEST(segments, do_not_overlap_and_are_aligned_to_what_divides_their_capacity) {
  segment_pool pool;
  std::mt19937 random(1);
  std::map<const std::byte*, std::size_t> taken;
  std::vector<segment> segments;
  for (int i = 0; i != (quarry::test::under_sanitizer ? 400 : 2000); ++i) {
    const std::size_t wanted = random() % (i % 50 == 0 ? 300000 : 70000) + 1;
    segment s = pool.allocate_segment(wanted);
    ASSERT_GE(s.capacity(), wanted);
    EXPECT_EQ(s.size(), wanted);
    const std::size_t power = s.capacity() & (~s.capacity() + 1);
    EXPECT_EQ(address(s.data()) % std::min(power, page), 0u) << s.capacity();
    std::memset(s.data(), i, s.size());
    const auto after = taken.upper_bound(s.data());
    EXPECT_TRUE(after == taken.end() || s.data() + s.capacity() <= after->first);
    EXPECT_TRUE(after == taken.begin() || std::prev(after)->first + std::prev(after)->second <= s.data());
    taken[s.data()] = s.capacity();
    segments.push_back(std::move(s));
  }
  for (std::size_t i = 0; i != segments.size(); ++i)
    for (const std::byte b : segments[i]) ASSERT_EQ(b, static_cast<std::byte>(i));
  pool.check_invariants();
}

TEST(segments, above_the_largest_are_regions_of_their_own) {
  ledger_resource up;
  segment_pool pool({}, &up);
  segment large = pool.allocate_segment(100000);
  EXPECT_GE(large.capacity(), 100000u);
  EXPECT_EQ(address(large.data()) % page, 0u);
  EXPECT_EQ(large.slab_offset(), 0u);
  const auto regions = regions_of(pool);
  ASSERT_EQ(regions.size(), 1u);
  EXPECT_EQ(regions[0].id, large.slab_id());
  EXPECT_EQ(regions[0].memory.data(), large.data());
  EXPECT_EQ(pool.statistics().oversized_blocks, 1u);
  large = {};
  EXPECT_TRUE(regions_of(pool).empty());
  EXPECT_EQ(pool.statistics().oversized_bytes, 0u);
}

TEST(segments, no_request_is_too_large_to_be_refused) {
  segment_pool pool;
  EXPECT_THROW((void)pool.allocate_segment(~std::size_t{0}), std::bad_alloc);
  EXPECT_THROW((void)pool.allocate_bytes(~std::size_t{0} - 4095), std::bad_alloc);
  EXPECT_FALSE(pool.try_allocate_segment(~std::size_t{0} / 2));
  pool.check_invariants();
}

TEST(segments, move_and_swap) {
  segment_pool pool;
  segment a = pool.allocate_segment(100), b = pool.allocate_segment(200);
  const std::byte* const at = a.data();
  segment c = std::move(a);
  EXPECT_FALSE(a);
  EXPECT_EQ(c.data(), at);
  b = std::move(c);
  EXPECT_EQ(b.data(), at);
  EXPECT_EQ(b.size(), 100u);
  EXPECT_EQ(pool.statistics().bytes_in_use, b.capacity());
  segment& same = b;
  b = std::move(same);
  EXPECT_EQ(b.data(), at);
  EXPECT_EQ(pool.statistics().bytes_in_use, b.capacity());
  static_assert(!std::is_copy_constructible_v<segment> && std::is_nothrow_move_constructible_v<segment>);
}

TEST(segments, resize_up_to_capacity) {
  segment_pool pool;
  segment s = pool.allocate_segment(1000);
  s.resize(10);
  EXPECT_EQ(s.size(), 10u);
  s.resize(s.capacity());
  EXPECT_EQ(s.span().size(), s.capacity());
  EXPECT_THROW(s.resize(s.capacity() + 1), std::length_error);
  segment nothing;
  EXPECT_THROW(nothing.resize(1), std::length_error);
}

TEST(segments, are_ranges) {
  static_assert(std::ranges::contiguous_range<segment> && std::ranges::sized_range<segment>);
  static_assert(std::ranges::contiguous_range<const segment> &&
                std::ranges::contiguous_range<shared_segment>);
  segment_pool pool;
  segment s = pool.allocate_segment(300);
  std::ranges::fill(s, std::byte{7});
  EXPECT_EQ(std::ranges::count(s, std::byte{7}), 300);
}

TEST(shared_segments, share_copy_and_slice_allocate_nothing_and_the_last_returns_the_block) {
  segment_pool pool;
  for (const std::size_t size : {300u, 200000u}) {
    segment s = pool.allocate_segment(size);
    std::memset(s.data(), 5, size);
    const std::size_t in_use = pool.statistics().bytes_in_use;
    const std::byte* const at = s.data();
    shared_segment all = std::move(s).share();
    EXPECT_FALSE(s);
    EXPECT_EQ(all.data(), at);
    EXPECT_EQ(all.size(), size);
    shared_segment part = all.slice(10, 20);
    EXPECT_EQ(part.data(), at + 10);
    EXPECT_EQ(part.size(), 20u);
    EXPECT_EQ(part.slab_id(), all.slab_id());
    EXPECT_EQ(part.slab_offset(), all.slab_offset() + 10);
    shared_segment copy = part;
    all = {};
    part = copy.slice(19, 1);
    EXPECT_EQ(pool.statistics().bytes_in_use, in_use);
    EXPECT_EQ(part.span()[0], std::byte{5});
    copy = {};
    EXPECT_EQ(pool.statistics().bytes_in_use, in_use);
    part = {};
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  }
}

TEST(shared_segments, a_slice_must_lie_in_it_and_one_of_nothing_holds_nothing) {
  segment_pool pool;
  shared_segment all = pool.allocate_segment(100).share();
  EXPECT_THROW((void)all.slice(101, 0), std::out_of_range);
  EXPECT_THROW((void)all.slice(1, 100), std::out_of_range);
  EXPECT_THROW((void)all.slice(1, ~std::size_t{0}), std::out_of_range);
  const shared_segment nothing = all.slice(100, 0);
  EXPECT_TRUE(nothing.empty());
  EXPECT_EQ(nothing.slab_id(), segment::no_slab);
  all = {};
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  const shared_segment empty = pool.allocate_segment(0).share();
  EXPECT_TRUE(empty);
  EXPECT_EQ(empty.size(), 0u);
}

// ---- containers and the memory_resource

TEST(segment_resource, containers_lie_in_its_regions) {
  segment_pool pool;
  std::pmr::vector<std::byte> bytes(10000, &pool);
  std::pmr::string text(5000, 'x', &pool);
  std::pmr::map<int, int> map(&pool);
  for (int i = 0; i != 100; ++i) map[i] = i;
  const auto regions = regions_of(pool);
  const auto inside = [&](const void* p, std::size_t size) {
    return std::any_of(regions.begin(), regions.end(), [&](const region& r) {
      return lies_in({static_cast<const std::byte*>(p), size}, r);
    });
  };
  EXPECT_TRUE(inside(bytes.data(), bytes.size()));
  EXPECT_TRUE(inside(text.data(), text.size()));
  for (const auto& entry : map) EXPECT_TRUE(inside(&entry, sizeof entry));
  EXPECT_TRUE(pool.owns(&*map.begin()));
  EXPECT_FALSE(pool.owns(&pool));
  pool.check_invariants();
}

TEST(segment_resource, every_alignment) {
  segment_pool pool;
  std::pmr::memory_resource& mr = pool;
  for (std::size_t alignment = 1; alignment <= 1 << 21; alignment *= 2)
    for (const std::size_t size : {0u, 1u, 17u, 64u, 4097u, 70000u}) {
      void* const p = mr.allocate(size, alignment);
      EXPECT_EQ(address(p) % alignment, 0u) << size << " at " << alignment;
      std::memset(p, 1, size);
      mr.deallocate(p, size, alignment);
    }
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  EXPECT_EQ(pool.statistics().dropped_blocks, 0u);
  pool.check_invariants();
}

// ---- options

TEST(segment_options, bad_values_are_refused) {
  const auto make = [](segment_pool_options o) { segment_pool pool(o); };
  EXPECT_THROW(make({.slab_size = 0}), std::invalid_argument);
  EXPECT_THROW(make({.slab_size = 1000000}), std::invalid_argument);
  EXPECT_THROW(make({.slab_size = 1024}), std::invalid_argument);
  EXPECT_THROW(make({.largest_segment = 0}), std::invalid_argument);
  EXPECT_THROW(make({.slab_size = 32768, .largest_segment = 65536}), std::invalid_argument);
  EXPECT_THROW(make({.byte_limit = 0}), std::invalid_argument);
  EXPECT_THROW(segment_pool({}, nullptr), std::invalid_argument);
  EXPECT_NO_THROW(make({.slab_size = 4096, .largest_segment = 4096}));
}

TEST(segment_options, are_what_is_in_force) {
  ledger_resource up;
  const segment_pool pool({.slab_size = 1 << 16, .largest_segment = 10000, .byte_limit = 1 << 20}, &up);
  const segment_pool_options options = pool.options();
  EXPECT_EQ(options.slab_size, 1u << 16);
  EXPECT_EQ(options.largest_segment, 10240u);
  EXPECT_EQ(options.byte_limit, 1u << 20);
  EXPECT_EQ(pool.upstream_resource(), &up);
}

TEST(segment_options, every_slab_size_serves) {
  for (std::size_t slab = 4096; slab <= 1 << 26; slab *= 2) {
    ledger_resource up;
    segment_pool pool({.slab_size = slab, .largest_segment = std::min<std::size_t>(slab, 65536)}, &up);
    std::vector<segment> segments;
    for (const std::size_t size : {1u, 500u, 3000u, 4096u}) segments.push_back(pool.allocate_segment(size));
    pool.check_invariants();
    segments.clear();
    pool.check_invariants();
    pool.release();
    EXPECT_EQ(up.held(), 0u);
  }
}

TEST(segment_options, regions_of_every_size_are_filled_before_there_is_another) {
  for (std::size_t size = std::size_t{1} << 18; size <= std::size_t{1} << 27; size *= 2) {
    segment_pool pool({.slab_size = size, .largest_segment = 1 << 18, .retain_bytes = std::size_t{1} << 28});
    std::vector<segment> all;
    for (std::size_t taken = 0; taken < std::size_t{1} << 28; taken += std::size_t{1} << 18) {
      all.push_back(pool.allocate_segment(1 << 18));
      if (all.size() % 3 == 0) std::swap(all[all.size() / 2], all.back()), all.pop_back();
    }
    const std::size_t regions = pool.statistics().chunks;
    EXPECT_LE(regions, (all.size() << 18) / size + 2) << size;
    all.clear();
    pool.check_invariants();
  }
}

TEST(segment_options, zero_on_free_leaves_no_content) {
  if (quarry::test::memory_is_poisoned()) GTEST_SKIP() << "free blocks can't be looked at";
  for (const std::size_t size : {64u, 4096u, 30000u, 60000u}) {
    segment_pool pool({.zero_on_free = true});
    segment keeps_the_slab = pool.allocate_segment(size);
    for (int i = 0; i != 100; ++i) { // a thread has a cache only after some calls
      segment s = pool.allocate_segment(size);
      const std::span<std::byte> whole = {s.data(), s.capacity()};
      std::memset(whole.data(), 0xAB, whole.size());
      s = {};
      ASSERT_TRUE(is_zero(whole)) << size << ", call " << i;
    }
    const std::span<std::byte> bytes = pool.allocate_bytes(size);
    std::memset(bytes.data(), 0xAB, bytes.size());
    pool.deallocate_bytes(bytes);
    EXPECT_TRUE(is_zero(bytes)) << size;
    std::pmr::memory_resource& mr = pool;
    void* const p = mr.allocate(size, 8);
    std::memset(p, 0xAB, size);
    mr.deallocate(p, size, 8);
    EXPECT_TRUE(is_zero({static_cast<std::byte*>(p), size})) << size;
    segment shared = pool.allocate_segment(size);
    const std::span<std::byte> bytes_shared = shared.span();
    std::memset(bytes_shared.data(), 0xAB, bytes_shared.size());
    { const auto first = std::move(shared).share(), second = first; }
    EXPECT_TRUE(is_zero(bytes_shared)) << size;
  }
}

// An upstream that looks at what comes back. One such byte may be part of an address in the bookkeeping.
struct looks_for_content : std::pmr::memory_resource {
  std::size_t found = 0;
  void* do_allocate(std::size_t n, std::size_t a) override {
    void* const p = std::pmr::new_delete_resource()->allocate(n, a);
    std::memset(p, 0, n);
    return p;
  }
  void do_deallocate(void* p, std::size_t n, std::size_t a) override {
    const std::span bytes(static_cast<std::byte*>(p), n);
    found += std::search_n(bytes.begin(), bytes.end(), 16, std::byte{0xAB}) != bytes.end();
    std::pmr::new_delete_resource()->deallocate(p, n, a);
  }
  bool do_is_equal(const memory_resource& o) const noexcept override { return this == &o; }
};

TEST(segment_options, zero_on_free_holds_for_what_goes_upstream_also_by_release) {
  looks_for_content up;
  {
    segment_pool pool({.retain_bytes = 0, .zero_on_free = true}, &up);
    std::vector<std::span<std::byte>> out;
    for (const std::size_t size : {100u, 5000u, 100000u}) {
      for (int i = 0; i != 4; ++i) out.push_back(pool.allocate_bytes(size));
      segment s = pool.allocate_segment(size);
      std::memset(s.data(), 0xAB, s.size());
    }
    for (const auto bytes : out) std::memset(bytes.data(), 0xAB, bytes.size());
    pool.release();
  }
  EXPECT_EQ(up.found, 0u);
}

// ---- regions and who observes them

struct observer final : quarry::region_observer {
  std::map<std::size_t, std::span<std::byte>> there;
  std::set<std::size_t> retiring;
  int to_throw = 0; // so often, from now on
  bool hold = false;
  void region_added(const region& r) override {
    if (to_throw != 0) {
      --to_throw;
      throw std::runtime_error("no more registrations");
    }
    EXPECT_TRUE(there.emplace(r.id, r.memory).second) << "an id is used twice";
  }
  bool region_retiring(const region& r) noexcept override {
    EXPECT_EQ(there.at(r.id).data(), r.memory.data());
    if (hold) {
      retiring.insert(r.id);
      return false;
    }
    there.erase(r.id);
    return true;
  }
};

TEST(segment_regions, are_observed_from_first_to_last) {
  ledger_resource up;
  observer o;
  {
    segment_pool pool({.retain_bytes = 0, .observer = &o}, &up);
    std::vector<segment> segments;
    for (int i = 0; i != 2000; ++i) {
      segments.push_back(pool.allocate_segment(i % 100 == 0 ? 100000 : 4096));
      const segment& s = segments.back();
      ASSERT_EQ(o.there.at(s.slab_id()).data() + s.slab_offset(), s.data());
    }
    EXPECT_EQ(o.there.size(), regions_of(pool).size());
    segments.clear();
    pool.trim();
    EXPECT_EQ(o.there.size(), 0u);
    EXPECT_TRUE(regions_of(pool).empty());
    const segment again = pool.allocate_segment(10);
    EXPECT_LT(again.slab_id(), 30u) << "ids are used again";
  }
  EXPECT_TRUE(o.there.empty());
  EXPECT_TRUE(up.clean());
}

TEST(segment_regions, held_ones_serve_nothing_and_stay_until_let_go) {
  ledger_resource up;
  observer o;
  {
    segment_pool pool({.retain_bytes = 0, .observer = &o}, &up);
    segment small = pool.allocate_segment(4096), large = pool.allocate_segment(200000);
    const std::size_t id = small.slab_id(), large_id = large.slab_id();
    const std::span<std::byte> memory = o.there.at(id);
    o.hold = true;
    small = {};
    large = {};
    pool.trim();
    EXPECT_EQ(o.retiring, (std::set{id, large_id}));
    EXPECT_EQ(regions_of(pool).size(), 2u);
    o.hold = false;
    std::vector<segment> others;
    for (int i = 0; i != 600; ++i) others.push_back(pool.allocate_segment(4096));
    for (const segment& s : others) {
      EXPECT_NE(s.slab_id(), id);
      EXPECT_FALSE(lies_in(s.span(), {id, memory}));
    }
    const std::size_t held = up.held();
    pool.let_go(12345); // nobody's
    EXPECT_EQ(up.held(), held);
    pool.let_go(id);
    EXPECT_EQ(up.held(), held - memory.size());
    o.there.erase(id);
    pool.let_go(id);
    EXPECT_EQ(up.held(), held - memory.size());
    others.clear();
    pool.release();
    EXPECT_EQ(regions_of(pool).size(), 1u) << "release() leaves what is held";
    pool.let_go(large_id);
    o.there.erase(large_id);
    EXPECT_TRUE(regions_of(pool).empty());
    pool.check_invariants();
  }
  EXPECT_TRUE(up.clean());
}

TEST(segment_regions, an_observer_that_throws_fails_the_request_and_nothing_else) {
  ledger_resource up;
  observer o;
  segment_pool pool({.observer = &o}, &up);
  for (const std::size_t size : {4096u, 200000u}) {
    const std::size_t held = up.held();
    o.to_throw = 1000;
    EXPECT_THROW((void)pool.allocate_segment(size), std::runtime_error);
    EXPECT_TRUE(regions_of(pool).empty());
    EXPECT_LE(up.held(), held + 16384) << "bookkeeping only";
    EXPECT_FALSE(pool.try_allocate_segment(size));
    o.to_throw = 0;
    EXPECT_TRUE(pool.allocate_segment(size));
    pool.trim();
    pool.check_invariants();
  }
}

TEST(segment_regions, an_observer_that_throws_is_asked_about_a_smaller_region) {
  ledger_resource up;
  observer o;
  segment_pool pool({.observer = &o}, &up);
  o.to_throw = 2;
  const segment s = pool.allocate_segment(4096);
  ASSERT_EQ(o.there.size(), 1u);
  EXPECT_EQ(o.there.at(s.slab_id()).size(), pool.options().slab_size / 4);
}

TEST(segment_regions, release_leaves_those_of_handles) {
  ledger_resource up;
  segment_pool pool({}, &up);
  std::vector<segment> segments;
  for (int i = 0; i != 1000; ++i) segments.push_back(pool.allocate_segment(4096));
  segment kept = std::move(segments[500]);
  std::memset(kept.data(), 9, kept.size());
  for (segment& s : segments)
    if (s) (void)std::move(s).release(); // spans, which die
  (void)pool.allocate_bytes(200000);
  pool.release();
  EXPECT_EQ(regions_of(pool).size(), 1u);
  EXPECT_EQ(pool.statistics().bytes_in_use, 4096u);
  EXPECT_EQ(kept.span().back(), std::byte{9});
  pool.check_invariants();
  kept = {};
  EXPECT_TRUE(pool.allocate_segment(4096));
  pool.release();
  EXPECT_EQ(up.held(), 0u);
}

// One that overrides nothing, or one of the two: by itself a region comes and goes.
TEST(segment_regions, need_no_answer) {
  struct counts_them final : quarry::region_observer {
    void region_added(const region&) override { ++added; }
    int added = 0;
  } counting;
  quarry::region_observer silent;
  for (quarry::region_observer* const o : {static_cast<quarry::region_observer*>(&counting), &silent}) {
    ledger_resource up;
    {
      segment_pool pool({.observer = o}, &up);
      (void)pool.allocate_segment(100'000);
    }
    EXPECT_TRUE(up.clean());
  }
  EXPECT_EQ(counting.added, 1);
}

// An observer that lets go of a segment when a region goes, also while the pool ends.
struct lets_go_of_a_segment final : quarry::region_observer {
  segment kept;
  void region_added(const region&) override {}
  bool region_retiring(const region&) noexcept override {
    kept = {};
    return true;
  }
};

TEST(segment_regions, an_observer_may_free_a_segment_while_its_pool_ends) {
  ledger_resource up;
  recorded_reports leaks;
  for (const std::size_t size : {std::size_t{4096}, std::size_t{100'000}}) { // in a slab, and a region alone
    lets_go_of_a_segment o;
    auto pool = std::make_unique<segment_pool>(
        quarry::segment_pool_options{.observer = &o, .on_violation = leaks.handler()}, &up);
    o.kept = pool->allocate_segment(size);
    segment outlives = pool->allocate_segment(size);
    (void)pool->allocate_bytes(200'000);
    pool.reset();
    EXPECT_FALSE(o.kept) << "a region was given back";
    EXPECT_NE(up.held(), 0u);
    outlives = {};
    EXPECT_TRUE(up.clean());
  }
}

// Handles outlive their pool, but not all observers do.
TEST(segment_regions, retire_for_their_observer_when_the_pool_ends) {
  ledger_resource up;
  recorded_reports leaks;
  auto o = std::make_unique<observer>();
  segment small, large;
  {
    segment_pool pool({.observer = o.get(), .on_violation = leaks.handler()}, &up);
    small = pool.allocate_segment(100);
    large = pool.allocate_segment(200'000);
    EXPECT_EQ(o->there.size(), 2u);
  }
  EXPECT_TRUE(o->there.empty());
  o.reset();
  small = {};
  large = {};
  EXPECT_TRUE(up.clean());
}

// An observer that is free to call.
struct calls_back final : quarry::region_observer {
  segment_pool* pool = nullptr;
  std::size_t regions = 0;
  void region_added(const region&) override { look(); }
  bool region_retiring(const region&) noexcept override {
    look();
    return true;
  }
  void look() {
    regions = 0;
    pool->for_each_region([&](const region&) { ++regions; });
    (void)pool->statistics();
    (void)pool->owns(this);
  }
};

TEST(segment_regions, an_observer_may_call_into_the_pool) {
  calls_back o;
  segment_pool pool({.retain_bytes = 0, .observer = &o});
  o.pool = &pool;
  std::vector<segment> segments;
  for (int i = 0; i != 1000; ++i) segments.push_back(pool.allocate_segment(4096));
  EXPECT_GE(o.regions, 3u);
  segments.clear();
  pool.trim();
  pool.check_invariants();
}

} // namespace
