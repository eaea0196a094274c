// Every wrong free of a segment: reported with its kind, and without effect.
#include <quarry/segment_pool.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory_resource>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/ledger_resource.hpp"
#include "support/poisoned.hpp"

namespace {

using quarry::segment;
using quarry::segment_pool;
using quarry::segment_pool_options;
using quarry::violation;
using quarry::violation_kind;
using quarry::test::ledger_resource;

struct report {
  violation_kind kind;
  const void* address;
  std::string message;
};
struct reports {
  std::vector<report> all;
  static void note(const violation& v, void* context) noexcept {
    static_cast<reports*>(context)->all.push_back({v.kind, v.address, std::string(v.message)});
  }
  quarry::violation_handler handler() { return {&note, this}; }
};

struct seen_from_outside {
  std::size_t in_use, held, slabs, oversized;
  bool operator==(const seen_from_outside&) const = default;
};
seen_from_outside look(const segment_pool& pool) {
  const auto s = pool.statistics();
  return {s.bytes_in_use, s.bytes_held, s.slabs, s.oversized_bytes};
}

// A pool with a live segment of each kind of size, and somebody who makes a mistake.
struct fixture {
  reports seen;
  ledger_resource up;
  segment_pool pool{{.on_violation = seen.handler()}, &up};
  std::span<std::byte> small = pool.allocate_bytes(100), page = pool.allocate_bytes(4096),
                       large = pool.allocate_bytes(200000);
  segment handle = pool.allocate_segment(4096);
  ~fixture() {
    for (const auto bytes : {small, page, large}) pool.deallocate_bytes(bytes);
  }

  void expect(violation_kind kind, const std::function<void()>& mistake) {
    const seen_from_outside before = look(pool);
    seen.all.clear();
    mistake();
    ASSERT_EQ(seen.all.size(), 1u);
    EXPECT_EQ(seen.all[0].kind, kind) << seen.all[0].message;
    EXPECT_NE(seen.all[0].message.find(quarry::to_string(kind)), std::string::npos) << seen.all[0].message;
    EXPECT_GT(seen.all[0].message.size(), 40u) << "a person should understand it";
    EXPECT_EQ(look(pool), before);
    pool.check_invariants();
  }
};

TEST(segment_misuse, offset_and_interior) {
  fixture f;
  for (const auto bytes : {f.small, f.page, f.large, f.handle.span()})
    for (const std::ptrdiff_t by : {-1, 1, 8, 64})
      f.expect(violation_kind::foreign_pointer, [&] {
        f.pool.deallocate_bytes({bytes.data() + by, bytes.size()});
      });
  f.expect(violation_kind::foreign_pointer, [&] {
    f.pool.deallocate_bytes({f.large.data() + 4096, f.large.size() - 4096});
  });
}

TEST(segment_misuse, length) {
  fixture f;
  for (const auto bytes : {f.small, f.page, f.large})
    for (const std::size_t length :
         {bytes.size() - 1, bytes.size() + 1, std::size_t{0}, std::size_t{1}, 2 * bytes.size()}) {
      f.expect(violation_kind::wrong_size, [&] { f.pool.deallocate_bytes({bytes.data(), length}); });
      f.expect(violation_kind::wrong_size, [&] { f.pool.deallocate_segment({bytes.data(), length}); });
      f.expect(violation_kind::wrong_size, [&] {
        f.pool.deallocate_chars({reinterpret_cast<char*>(bytes.data()), length});
      });
    }
}

TEST(segment_misuse, element_counts) {
  fixture f;
  const auto words = f.pool.allocate_array<char32_t>(100);
  f.expect(violation_kind::wrong_size, [&] { f.pool.deallocate_array(words.first(words.size() - 1)); });
  f.expect(violation_kind::wrong_size, [&] {
    f.pool.deallocate_bytes({reinterpret_cast<std::byte*>(words.data()), words.size()});
  });
  f.pool.deallocate_array(words);
  struct large {
    std::byte bytes[10'000];
  };
  f.expect(violation_kind::wrong_size,
           [&] { f.pool.deallocate_array(std::span<large>(reinterpret_cast<large*>(f.small.data()), 0)); });
}

TEST(segment_misuse, second_free) {
  fixture f;
  for (const std::size_t size : {1u, 100u, 4096u, 40000u, 65536u}) {
    const auto bytes = f.pool.allocate_bytes(size);
    f.pool.deallocate_bytes(bytes);
    for (int i = 0; i != 3; ++i)
      f.expect(violation_kind::double_free, [&] { f.pool.deallocate_bytes(bytes); });
    std::thread([&] {
      f.expect(violation_kind::double_free, [&] { f.pool.deallocate_bytes(bytes); });
    }).join();
    f.pool.trim(1 << 20);
    f.expect(violation_kind::double_free, [&] { f.pool.deallocate_bytes(bytes); });
  }
}

TEST(segment_misuse, second_free_of_many_in_every_state) {
  fixture f;
  std::vector<std::span<std::byte>> all;
  for (int i = 0; i != 3000; ++i) all.push_back(f.pool.allocate_bytes(4096));
  for (const auto bytes : all) f.pool.deallocate_bytes(bytes);
  f.seen.all.clear();
  const auto before = look(f.pool);
  for (const auto bytes : all) f.pool.deallocate_bytes(bytes);
  EXPECT_EQ(f.seen.all.size(), all.size());
  for (const auto& r : f.seen.all)
    EXPECT_EQ(r.kind, f.pool.owns(r.address) ? violation_kind::double_free : violation_kind::foreign_pointer);
  EXPECT_EQ(look(f.pool), before);
  f.pool.check_invariants();
}

TEST(segment_misuse, region_given_back) {
  fixture f;
  const auto large = f.pool.allocate_bytes(100000);
  f.pool.deallocate_bytes(large);
  f.expect(violation_kind::foreign_pointer, [&] { f.pool.deallocate_bytes(large); });
  std::vector<std::span<std::byte>> all;
  for (int i = 0; i != 2000; ++i) all.push_back(f.pool.allocate_bytes(4096));
  for (const auto bytes : all) f.pool.deallocate_bytes(bytes);
  f.pool.trim();
  const auto gone =
      std::find_if(all.begin(), all.end(), [&](auto bytes) { return !f.pool.owns(bytes.data()); });
  ASSERT_NE(gone, all.end());
  f.expect(violation_kind::foreign_pointer, [&] { f.pool.deallocate_bytes(*gone); });
}

TEST(segment_misuse, not_of_this_pool) {
  fixture f;
  segment_pool other;
  const auto others = other.allocate_bytes(4096), others_large = other.allocate_bytes(100000);
  f.expect(violation_kind::foreign_pointer, [&] { f.pool.deallocate_bytes(others); });
  f.expect(violation_kind::foreign_pointer, [&] { f.pool.deallocate_bytes(others_large); });
  std::byte on_stack[4096];
  f.expect(violation_kind::foreign_pointer, [&] { f.pool.deallocate_bytes(on_stack); });
  f.expect(violation_kind::foreign_pointer, [&] { f.pool.deallocate_bytes({}); });
  f.expect(violation_kind::foreign_pointer, [&] {
    f.pool.deallocate_bytes({segment_pool::empty_bytes().data(), 1});
  });
  const std::vector<std::byte> on_heap(4096);
  f.expect(violation_kind::foreign_pointer, [&] {
    f.pool.deallocate_bytes({const_cast<std::byte*>(on_heap.data()), 4096});
  });
  other.deallocate_bytes(others);
  other.deallocate_bytes(others_large);
}

// The standard library says that it is never null, so UBSan would stop it before the pool sees it.
__attribute__((no_sanitize("undefined"))) void deallocate_null(std::pmr::memory_resource& mr) {
  void* volatile null = nullptr;
  mr.deallocate(null, 1000, 8);
}

TEST(segment_misuse, through_the_memory_resource) {
  fixture f;
  std::pmr::memory_resource& mr = f.pool;
  void* const p = mr.allocate(1000, 8);
  f.expect(violation_kind::foreign_pointer, [&] { mr.deallocate(static_cast<std::byte*>(p) + 8, 1000, 8); });
  f.expect(violation_kind::foreign_pointer, [&] { deallocate_null(mr); });
  f.expect(violation_kind::wrong_size, [&] { mr.deallocate(p, 2000, 8); });
  f.expect(violation_kind::wrong_size, [&] { mr.deallocate(p, 100000, 8); });
  mr.deallocate(p, 999, 8); // the class is right
  EXPECT_TRUE(f.seen.all.size() == 1 && f.seen.all[0].kind == violation_kind::wrong_size);
  f.expect(violation_kind::double_free, [&] { mr.deallocate(p, 1000, 8); });
  void* const large = mr.allocate(100000, 8);
  f.expect(violation_kind::wrong_size, [&] { mr.deallocate(large, 200000, 8); });
  f.expect(violation_kind::wrong_size, [&] { mr.deallocate(large, 8, 8); });
  mr.deallocate(large, 100000, 8);
  f.expect(violation_kind::foreign_pointer, [&] { mr.deallocate(large, 100000, 8); });
}

TEST(segment_misuse, of_what_a_handle_has) {
  fixture f;
  f.expect(violation_kind::double_free, [&] { f.pool.deallocate_segment(f.handle.span()); });
  auto shared = f.pool.allocate_segment(4096).share();
  f.expect(violation_kind::double_free, [&] {
    f.pool.deallocate_bytes({const_cast<std::byte*>(shared.data()), shared.size()});
  });
  const auto whole = f.pool.allocate_segment(4096).release();
  f.pool.deallocate_segment(whole);
  f.expect(violation_kind::double_free, [&] { f.pool.deallocate_segment(whole); });
}

TEST(segment_misuse, a_block_given_to_someone_else_cannot_be_told) {
  if (quarry::test::memory_is_poisoned()) GTEST_SKIP() << "a freed block is not handed out again so soon";
  fixture f;
  const auto bytes = f.pool.allocate_bytes(4096);
  f.pool.deallocate_bytes(bytes);
  const auto again = f.pool.allocate_bytes(4096);
  ASSERT_EQ(again.data(), bytes.data());
  f.seen.all.clear();
  f.pool.deallocate_bytes(bytes); // a second free that looks like a first
  EXPECT_TRUE(f.seen.all.empty());
  f.expect(violation_kind::double_free, [&] { f.pool.deallocate_bytes(again); });
}

TEST(segment_misuse, goes_to_the_handler_of_the_process_without_one_of_the_pool) {
  reports seen;
  const auto before = quarry::set_violation_handler(seen.handler());
  {
    segment_pool pool;
    std::byte on_stack[1];
    pool.deallocate_bytes(on_stack);
  }
  quarry::set_violation_handler(before);
  ASSERT_EQ(seen.all.size(), 1u);
  EXPECT_EQ(seen.all[0].kind, violation_kind::foreign_pointer);
}

// ---- the end of a pool with something out

TEST(segment_leaks, are_reported_one_by_one) {
  reports seen;
  ledger_resource up;
  {
    segment outlives;
    {
      segment_pool pool({.on_violation = seen.handler()}, &up);
      outlives = pool.allocate_segment(100000);
      (void)pool.allocate_bytes(100);
      (void)pool.allocate_segment(5000).release();
      std::pmr::memory_resource& mr = pool;
      (void)mr.allocate(100, 8); // dies without a word, as in any pool
      std::memset(outlives.data(), 1, outlives.size());
    }
    EXPECT_EQ(seen.all.size(), 3u);
    for (const auto& r : seen.all) EXPECT_EQ(r.kind, violation_kind::leak);
    for (const std::byte b : outlives) ASSERT_EQ(b, std::byte{1});
    EXPECT_GE(up.held(), 100000u);
    EXPECT_LE(up.held(), 200000u) << "only what the handle needs";
    EXPECT_NE(outlives.slab_id(), segment::no_slab);
    EXPECT_EQ(outlives.slab_offset(), 0u);
  }
  EXPECT_TRUE(up.clean());
}

TEST(segment_leaks, handles_of_every_kind_end_the_pool_last) {
  for (int order = 0; order != 4; ++order) {
    reports seen;
    ledger_resource up;
    {
      quarry::shared_segment one, two;
      segment three, four;
      {
        segment_pool pool({.on_violation = seen.handler()}, &up);
        segment s = pool.allocate_segment(4096);
        std::memset(s.data(), 3, s.size());
        one = std::move(s).share();
        two = one.slice(100, 100);
        three = pool.allocate_segment(10);
        four = pool.allocate_segment(4096);
      }
      EXPECT_EQ(seen.all.size(), 3u);
      if (order == 0) one = {};
      if (order == 1) three = {};
      if (order == 2) two = one.slice(1, 1);
      if (order == 3) four = std::move(three);
      const auto& rest = one ? one : two;
      EXPECT_EQ(rest.span()[0], std::byte{3});
      EXPECT_GT(up.held(), 0u);
    }
    EXPECT_TRUE(up.clean());
    EXPECT_EQ(seen.all.size(), 3u);
  }
}

// Nobody could free a span of a pool that has gone.
TEST(segment_leaks, what_outlives_its_pool_stays_with_its_segment) {
  for (const std::size_t size : {4096u, 100000u}) {
    reports seen;
    ledger_resource up;
    {
      segment s;
      {
        segment_pool pool({.on_violation = seen.handler()}, &up);
        s = pool.allocate_segment(size);
        std::memset(s.data(), 3, size);
      }
      EXPECT_EQ(s.release().data(), nullptr);
      EXPECT_EQ(s.size(), size);
      for (const std::byte b : s) ASSERT_EQ(b, std::byte{3});
      EXPECT_GT(up.held(), 0u);
    }
    EXPECT_TRUE(up.clean());
    EXPECT_EQ(seen.all.size(), 1u) << "the pool's end told of it";
  }
}

} // namespace
