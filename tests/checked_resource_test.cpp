// checked_resource: what is found, what is said of it, and what becomes of the call; and that nothing else
// is different from upstream.
#include "support/ledger_resource.hpp"
#include "support/recorded_reports.hpp"

#include <quarry/allocator.hpp>
#include <quarry/checked_resource.hpp>
#include <quarry/page_resource.hpp>
#include <quarry/pool_resource.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

// Of this thread's calls of operator new, the one with this number fails; -1: none.
thread_local long news_until_failure = -1;

} // namespace

__attribute__((noinline)) void* operator new(std::size_t bytes) {
  if (news_until_failure >= 0 && news_until_failure-- == 0) throw std::bad_alloc();
  if (void* const p = std::malloc(bytes == 0 ? 1 : bytes)) return p;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* p) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, std::size_t) noexcept { std::free(p); }

// Named, and not in quarry's namespace, so that reports can be seen to name who called.
__attribute__((noinline)) void* site_that_allocates(std::pmr::memory_resource& r, std::size_t bytes,
                                                    std::size_t alignment) {
  void* const p = r.allocate(bytes, alignment);
  asm volatile("" ::: "memory"); // the call above is no tail call
  return p;
}
__attribute__((noinline)) void site_that_frees(std::pmr::memory_resource& r, void* p, std::size_t bytes,
                                               std::size_t alignment) {
  r.deallocate(p, bytes, alignment);
  asm volatile("" ::: "memory");
}
__attribute__((noinline)) void site_that_frees_again(std::pmr::memory_resource& r, void* p, std::size_t bytes,
                                                     std::size_t alignment) {
  r.deallocate(p, bytes, alignment);
  asm volatile("" ::: "memory");
}
__attribute__((noinline)) void site_with_a_container(std::pmr::memory_resource& r,
                                                     std::optional<std::pmr::map<int, std::string>>& m) {
  m.emplace(&r)[7] = "seven";
  asm volatile("" ::: "memory");
}
template <class T>
__attribute__((noinline)) void site_with_a_type() {
  asm volatile("");
}

namespace quarry::test {
namespace {

using kinds = std::vector<violation_kind>;
using enum violation_kind;

class checked : public ::testing::Test {
protected:
  std::byte* allocate(std::size_t bytes, std::size_t alignment = 8) {
    return static_cast<std::byte*>(site_that_allocates(*resource, bytes, alignment));
  }
  void free(void* p, std::size_t bytes, std::size_t alignment = 8) {
    site_that_frees(*resource, p, bytes, alignment);
  }
  void free_again(void* p, std::size_t bytes, std::size_t alignment = 8) {
    site_that_frees_again(*resource, p, bytes, alignment);
  }
  void destroy() { resource.reset(); }

  // The only report there is: of this kind and block, and with these words.
  void expect_one(violation_kind kind, const void* address, std::size_t bytes, std::size_t alignment,
                  std::vector<std::string> words) {
    const auto all = seen.all();
    ASSERT_EQ(seen.kinds(), kinds{kind});
    EXPECT_EQ(all[0].address, address);
    EXPECT_EQ(all[0].size, bytes);
    EXPECT_EQ(all[0].alignment, alignment);
    char place[32];
    std::snprintf(place, sizeof place, "%p", address);
    words.insert(words.end(), {std::string(to_string(kind)), place, "size " + std::to_string(bytes),
                               "alignment " + std::to_string(alignment)});
    for (const std::string& word : words)
      EXPECT_NE(all[0].message.find(word), std::string::npos) << word << " is not in: " << all[0].message;
  }
  void expect_silence() { EXPECT_EQ(seen.kinds(), kinds{}); }

  ledger_resource upstream;
  recorded_reports seen;
  std::optional<checked_resource> resource{std::in_place, &upstream, seen.handler()};
};

// ---- no misuse, no difference

TEST_F(checked, every_size_at_every_alignment) {
  std::vector<std::tuple<std::byte*, std::size_t, std::size_t>> blocks;
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2)
    for (const std::size_t bytes : {0u, 1u, 7u, 8u, 17u, 64u, 100u, 4096u, 5000u}) {
      std::byte* const p = allocate(bytes, alignment);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % alignment, 0u) << bytes << " at " << alignment;
      std::fill_n(p, bytes, std::byte{0x11});
      blocks.emplace_back(p, bytes, alignment);
    }
  for (const auto& [p, bytes, alignment] : blocks) {
    EXPECT_TRUE(std::all_of(p, p + bytes, [](std::byte b) { return b == std::byte{0x11}; }));
    free(p, bytes, alignment);
  }
  EXPECT_EQ(resource->leaks().size(), 0u);
  destroy();
  expect_silence();
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, blocks_of_no_bytes_are_distinct) {
  std::byte* const a = allocate(0);
  std::byte* const b = allocate(0);
  EXPECT_NE(a, b);
  free(a, 0);
  free(b, 0);
  destroy();
  expect_silence();
}

TEST_F(checked, upstream_is_asked_for_the_alignment) {
  free(allocate(10, 256), 10, 256);
  EXPECT_EQ(upstream.history().front().alignment, 256u);
  EXPECT_EQ(resource->upstream_resource(), &upstream);
}

TEST_F(checked, is_equal_to_itself_only) {
  checked_resource other(&upstream);
  EXPECT_TRUE(*resource == *resource);
  EXPECT_FALSE(*resource == other);
  EXPECT_FALSE(*resource == upstream);
}

TEST_F(checked, sizes_no_machine_has_are_refused_by_upstream) {
  for (const std::size_t below : {0u, 1u, 63u, 64u, 127u, 128u, 4096u})
    EXPECT_THROW((void)allocate(static_cast<std::size_t>(-1) - below, 64), ledger_resource::refused);
  EXPECT_EQ(resource->leaks().size(), 0u);
}

// libstdc++ 12's aligned operator new does this: a little below the largest number it comes to 0.
class rounds_up final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    const std::size_t rounded = (bytes + alignment - 1) & ~(alignment - 1);
    if (rounded > std::size_t{1} << 40) throw std::bad_alloc();
    return std::pmr::new_delete_resource()->allocate(rounded, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, (bytes + alignment - 1) & ~(alignment - 1), alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

TEST_F(checked, sizes_no_machine_has_are_no_small_ones_to_who_rounds_up) {
  rounds_up up;
  quarry::checked_resource over_it(&up);
  for (const std::size_t alignment :
       {std::size_t{1}, std::size_t{16}, std::size_t{4096}, std::size_t{1} << 62})
    for (const std::size_t below : {0u, 1u, 100u, 128u, 4096u})
      EXPECT_THROW((void)over_it.allocate(static_cast<std::size_t>(-1) - below, alignment), std::bad_alloc);
}

TEST_F(checked, new_blocks_and_freed_ones_are_filled) {
  std::byte* const p = allocate(100);
  const auto filled_with = [&](std::byte fill) {
    return std::all_of(p, p + 100, [=](std::byte b) { return b == fill; });
  };
  EXPECT_TRUE(filled_with(checked_resource::allocated_fill));
  free(p, 100);
  EXPECT_TRUE(filled_with(checked_resource::freed_fill)); // it is upstream's for us to read: in quarantine
  EXPECT_EQ(p[100], checked_resource::guard_fill);
}

template <class Upstream>
class checked_over : public ::testing::Test {};
using upstreams = ::testing::Types<unsynchronized_pool_resource, synchronized_pool_resource,
                                   std::pmr::unsynchronized_pool_resource,
                                   std::pmr::synchronized_pool_resource, std::pmr::monotonic_buffer_resource>;
TYPED_TEST_SUITE(checked_over, upstreams);

TYPED_TEST(checked_over, containers_and_typed_allocators_work_as_without) {
  ledger_resource ledger;
  recorded_reports seen;
  {
    TypeParam upstream(&ledger);
    checked_resource resource(&upstream, seen.handler());
    std::pmr::map<int, std::pmr::string> map(&resource);
    std::vector<int, pool_allocator<int, checked_resource>> vector(&resource);
    for (int i = 0; i < 1000; ++i) {
      map.emplace(i, std::string(static_cast<std::size_t>(i % 50), 'x'));
      vector.push_back(i);
    }
    for (int i = 0; i < 1000; i += 2) map.erase(i);
    EXPECT_EQ(map.at(41), std::pmr::string(41, 'x'));
    EXPECT_EQ(vector[999], 999);
    pool_allocator<long, checked_resource> typed(&resource);
    const auto [p, count] = typed.allocate_at_least(10);
    EXPECT_EQ(count, 10u);
    typed.deallocate(p, count);
  }
  EXPECT_EQ(seen.kinds(), kinds{});
  EXPECT_TRUE(ledger.clean());
}

// ---- refused frees: reported, and nothing done

TEST_F(checked, double_free) {
  std::byte* const p = allocate(40);
  free(p, 40);
  free_again(p, 40);
  expect_one(double_free, p, 40, 8, {"site_that_allocates", "site_that_frees", "site_that_frees_again"});
  destroy();
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, wrong_size) {
  std::byte* const p = allocate(40);
  free(p, 32);
  expect_one(wrong_size, p, 40, 8, {"freed as 32 bytes", "site_that_allocates", "site_that_frees"});
  EXPECT_EQ(resource->leaks().size(), 1u);
  free(p, 40);
  EXPECT_EQ(seen.all().size(), 1u);
}

TEST_F(checked, wrong_alignment) {
  std::byte* const p = allocate(64, 64);
  free(p, 64, 8);
  expect_one(wrong_alignment, p, 64, 64, {"at alignment 8", "site_that_allocates", "site_that_frees"});
  EXPECT_EQ(resource->leaks().size(), 1u);
  free(p, 64, 64);
  EXPECT_EQ(seen.all().size(), 1u);
}

TEST_F(checked, foreign_pointer) {
  std::byte elsewhere[64];
  free(elsewhere, 40);
  expect_one(foreign_pointer, elsewhere, 40, 8, {"never allocated here", "site_that_frees"});
}

TEST_F(checked, a_pointer_into_a_block_is_foreign) {
  std::byte* const p = allocate(40);
  free(p + 24, 16);
  expect_one(foreign_pointer, p + 24, 16, 8,
             {"points 24 bytes into a block of 40 bytes", "site_that_allocates"});
  free(p, 40);
  EXPECT_EQ(seen.all().size(), 1u);
}

TEST_F(checked, a_pointer_into_a_freed_block_is_foreign) {
  std::byte* const p = allocate(40);
  free(p, 40);
  free_again(p + 8, 8);
  expect_one(foreign_pointer, p + 8, 8, 8,
             {"points 8 bytes into a block of 40 bytes", "first freed in", "site_that_frees_again"});
}

TEST_F(checked, a_pointer_to_where_a_block_was_or_ends_is_foreign) {
  std::byte* const gone = allocate(40);
  free(gone, 40);
  free(allocate(checked_resource::quarantine_bytes), checked_resource::quarantine_bytes);
  free(gone + 8, 8);
  std::byte* const live = allocate(40);
  free(live + 40, 8);
  ASSERT_EQ(seen.kinds(), (kinds{foreign_pointer, foreign_pointer}));
  for (const auto& report : seen.all())
    EXPECT_NE(report.message.find("never allocated here"), std::string::npos) << report.message;
  free(live, 40);
}

TEST_F(checked, a_second_free_is_told_from_a_foreign_one_after_the_quarantine) {
  std::byte* const p = allocate(40);
  free(p, 40);
  free(allocate(checked_resource::quarantine_bytes), checked_resource::quarantine_bytes);
  ASSERT_EQ(upstream.held(), 0u); // nothing is in quarantine
  free_again(p, 40);
  expect_one(double_free, p, 40, 8, {"site_that_frees_again"});
}

TEST_F(checked, an_address_that_comes_again_is_a_new_block) {
  std::byte* const p = allocate(40);
  free(p, 40);
  free(allocate(checked_resource::quarantine_bytes), checked_resource::quarantine_bytes);
  std::vector<std::byte*> more;
  while (more.empty() || (more.back() != p && more.size() < 1000)) more.push_back(allocate(40));
  for (std::byte* const q : more) free(q, 40);
  expect_silence();
}

// ---- damage: reported after the fact, and the free takes place

TEST_F(checked, overrun_to_the_byte) {
  std::size_t reports = 0;
  for (const std::size_t bytes : {0u, 1u, 7u, 8u, 39u})
    for (std::size_t behind = 0; behind < 64; ++behind) {
      std::byte* const p = allocate(bytes);
      p[bytes + behind] = std::byte{0};
      free(p, bytes);
      const auto all = seen.all();
      ASSERT_EQ(all.size(), ++reports);
      EXPECT_EQ(all.back().kind, overrun);
      EXPECT_EQ(all.back().address, p);
      EXPECT_NE(all.back().message.find(std::to_string(behind) + " behind its end"), std::string::npos);
    }
  EXPECT_EQ(resource->leaks().size(), 0u);
}

TEST_F(checked, underrun_to_the_byte) {
  for (std::size_t before = 1; before <= 64; ++before) {
    std::byte* const p = allocate(24, 256);
    *(p - before) = std::byte{0};
    free(p, 24, 256);
    const auto all = seen.all();
    ASSERT_EQ(all.size(), before);
    EXPECT_EQ(all.back().kind, underrun);
    EXPECT_NE(all.back().message.find(std::to_string(before) + " before its start"), std::string::npos);
  }
  EXPECT_EQ(resource->leaks().size(), 0u);
}

TEST_F(checked, damage_names_the_sites) {
  std::byte* const p = allocate(24);
  p[24] = std::byte{0x2A};
  free(p, 24);
  expect_one(overrun, p, 24, 8,
             {"it is 0x2a", "site_that_allocates", "found when freed in", "site_that_frees"});
}

TEST_F(checked, damage_of_a_leaked_block_is_found_too) {
  std::byte* const p = allocate(24);
  p[24] = p[-1] = std::byte{0};
  destroy();
  EXPECT_EQ(seen.kinds(), (kinds{underrun, overrun, leak}));
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, write_after_free_is_found_at_destruction) {
  std::byte* const p = allocate(24);
  free(p, 24);
  p[5] = std::byte{0x2A};
  expect_silence();
  destroy();
  expect_one(write_after_free, p, 24, 8, {"byte 5", "it is 0x2a", "site_that_allocates", "site_that_frees"});
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, write_after_free_is_found_beside_a_block_as_well) {
  for (const std::ptrdiff_t beside : {24, -1}) {
    std::byte* const p = allocate(24);
    free(p, 24);
    p[beside] = std::byte{0x2A};
  }
  std::byte* const nothing = allocate(0);
  free(nothing, 0);
  nothing[0] = std::byte{0x2A};
  expect_silence();
  destroy();
  EXPECT_EQ(seen.kinds(), (kinds{write_after_free, write_after_free, write_after_free}));
  EXPECT_TRUE(upstream.clean());
}

// Its blocks are freed, and not told it again.
TEST_F(checked, a_handler_may_allocate_while_the_resource_ends) {
  struct handler {
    quarry::checked_resource* resource = nullptr;
    int reports = 0;
    static void report(const quarry::violation&, void* self) noexcept {
      auto& h = *static_cast<handler*>(self);
      ++h.reports;
      (void)h.resource->allocate(100);
    }
  } h;
  auto ending =
      std::make_unique<quarry::checked_resource>(&upstream, quarry::violation_handler{&handler::report, &h});
  h.resource = ending.get();
  (void)ending->allocate(10);
  ending.reset();
  EXPECT_GT(h.reports, 0);
  destroy();
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, write_after_free_is_found_when_the_quarantine_is_full_of_bytes) {
  std::byte* const p = allocate(24);
  free(p, 24);
  p[23] = std::byte{0};
  free(allocate(checked_resource::quarantine_bytes - 1000), checked_resource::quarantine_bytes - 1000);
  expect_silence();
  free(allocate(1000), 1000);
  EXPECT_EQ(seen.kinds(), kinds{write_after_free});
}

TEST_F(checked, write_after_free_is_found_when_the_quarantine_is_full_of_blocks) {
  std::byte* const p = allocate(24);
  free(p, 24);
  p[0] = std::byte{0};
  for (std::size_t i = 1; i < checked_resource::quarantine_blocks; ++i) free(allocate(0), 0);
  expect_silence();
  free(allocate(0), 0);
  EXPECT_EQ(seen.kinds(), kinds{write_after_free});
}

TEST_F(checked, what_waits_in_quarantine_is_bounded) {
  for (int i = 0; i < 40; ++i) free(allocate(1 << 20), 1 << 20);
  EXPECT_LE(upstream.held(), checked_resource::quarantine_bytes);
  EXPECT_GT(upstream.held(), checked_resource::quarantine_bytes / 2);
  for (int i = 0; i < 20000; ++i) free(allocate(1), 1);
  EXPECT_LE(upstream.block_count(), checked_resource::quarantine_blocks);
  expect_silence();
}

// ---- leaks

TEST_F(checked, leaks_are_listed_while_they_live) {
  std::byte* const a = allocate(10);
  std::byte* const b = allocate(20, 64);
  std::byte* const c = allocate(30);
  free(a, 10);
  const std::vector<leaked_block> live = resource->leaks();
  ASSERT_EQ(live.size(), 2u);
  EXPECT_EQ(live[0].address, b);
  EXPECT_EQ(live[0].size, 20u);
  EXPECT_EQ(live[0].alignment, 64u);
  EXPECT_NE(to_string(live[0].site).find("site_that_allocates"), std::string::npos);
  EXPECT_EQ(live[1].address, c);
  free(b, 20, 64);
  free(c, 30);
  EXPECT_TRUE(resource->leaks().empty());
  expect_silence();
}

TEST_F(checked, leaks_are_reported_and_freed_at_destruction) {
  std::byte* const p = allocate(10);
  destroy();
  expect_one(leak, p, 10, 8, {"never freed", "site_that_allocates"});
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, many_leaks_are_not_told_one_by_one) {
  for (int i = 0; i < 100; ++i) (void)allocate(10);
  destroy();
  const auto all = seen.all();
  EXPECT_EQ(all.size(), checked_resource::reported_leaks + 1);
  EXPECT_EQ(all.back().kind, leak);
  EXPECT_NE(all.back().message.find("36 more blocks were never freed, 360 bytes"), std::string::npos);
  EXPECT_TRUE(upstream.clean());
}

// ---- failures

TEST_F(checked, a_failure_of_upstream_changes_nothing) {
  std::byte* const kept = allocate(10);
  upstream.refuse_at(0);
  EXPECT_THROW((void)allocate(20), ledger_resource::refused);
  EXPECT_EQ(resource->leaks().size(), 1u);
  EXPECT_EQ(upstream.block_count(), 1u);
  free(allocate(20), 20);
  free(kept, 10);
  expect_silence();
}

TEST_F(checked, the_quarantine_is_emptied_before_a_failure_reaches_the_caller) {
  std::byte* const p = allocate(10);
  free(p, 10);
  p[3] = std::byte{0};
  upstream.refuse_at(0);
  free(allocate(20), 20);
  EXPECT_EQ(seen.kinds(), kinds{write_after_free});
  upstream.refuse_at(0, 2);
  EXPECT_THROW((void)allocate(30), ledger_resource::refused);
  EXPECT_EQ(upstream.held(), 0u);
}

// An upstream that never calls operator new.
struct counted_pages final : std::pmr::memory_resource {
  std::size_t blocks = 0;

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++blocks;
    return page_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    --blocks;
    page_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

TEST_F(checked, want_of_memory_for_the_table_changes_nothing) {
  counted_pages pages;
  {
    checked_resource r(&pages, seen.handler());
    void* const kept = r.allocate(10, 8);
    void* p = nullptr;
    long failures = 0;
    for (; p == nullptr; ++failures) {
      news_until_failure = failures;
      try {
        p = r.allocate(20, 8);
      } catch (const std::bad_alloc&) {
        EXPECT_EQ(pages.blocks, 1u);
      }
      news_until_failure = -1;
    }
    EXPECT_GT(failures, 1);
    EXPECT_EQ(r.leaks().size(), 2u);
    r.deallocate(p, 20, 8);
    r.deallocate(kept, 10, 8);
  }
  expect_silence();
  EXPECT_EQ(pages.blocks, 0u);
}

TEST_F(checked, frees_and_reports_need_no_memory) {
  std::byte* const p = allocate(10);
  std::byte* const q = allocate(20);
  static std::atomic<int> reports;
  reports = 0;
  checked_resource counting(&upstream, {[](const violation&, void*) noexcept { ++reports; }, nullptr});
  void* const late = counting.allocate(10, 8);
  news_until_failure = 0;
  counting.deallocate(late, 10, 8);
  news_until_failure = 0;
  counting.deallocate(late, 10, 8);
  news_until_failure = 0;
  free(p, 10);
  news_until_failure = -1;
  EXPECT_EQ(reports, 1);
  free(q, 20);
  expect_silence();
}

// ---- handlers

TEST_F(checked, a_handler_may_use_the_resource) {
  struct user {
    std::pmr::memory_resource* resource = nullptr;
    std::size_t calls = 0;
  } user;
  const auto use = [](const violation&, void* context) noexcept {
    auto& self = *static_cast<struct user*>(context);
    ++self.calls;
    std::pmr::string words(100, 'x', self.resource);
  };
  auto& r = resource.emplace(&upstream, violation_handler{use, &user});
  user.resource = &r;
  auto* const p = static_cast<std::byte*>(r.allocate(10, 8));
  r.deallocate(p, 9, 8);
  r.deallocate(p, 10, 4);
  r.deallocate(p + 1, 10, 8);
  p[10] = p[-1] = std::byte{0};
  r.deallocate(p, 10, 8);
  r.deallocate(p, 10, 8);
  p[0] = std::byte{0};
  upstream.refuse_at(0);
  EXPECT_NE(r.allocate(1, 1), nullptr); // not freed
  EXPECT_EQ(user.calls, 7u);
  destroy();
  EXPECT_EQ(user.calls, 8u);
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, without_a_handler_of_its_own_the_process_is_asked) {
  const violation_handler before = set_violation_handler(seen.handler());
  checked_resource r(&upstream);
  std::byte elsewhere;
  r.deallocate(&elsewhere, 1, 1);
  set_violation_handler(before);
  EXPECT_EQ(seen.kinds(), kinds{foreign_pointer});
}

void free_twice_by_default() {
  checked_resource r(std::pmr::new_delete_resource());
  void* const p = r.allocate(8, 8);
  r.deallocate(p, 8, 8);
  r.deallocate(p, 8, 8);
}

void leak_by_default() {
  {
    checked_resource r(std::pmr::new_delete_resource());
    (void)r.allocate(8, 8);
  }
  std::exit(3);
}

TEST(checked_by_default, aborts_but_for_leaks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(free_twice_by_default(), ::testing::KilledBySignal(SIGABRT), "double_free: freed again in");
  EXPECT_EXIT(leak_by_default(), ::testing::ExitedWithCode(3), "leak: never freed");
}

// ---- sites

TEST_F(checked, the_site_is_the_caller_of_a_container) {
  std::optional<std::pmr::map<int, std::string>> map;
  site_with_a_container(*resource, map);
  const auto live = resource->leaks();
  ASSERT_EQ(live.size(), 1u);
  EXPECT_NE(to_string(live[0].site).find("site_with_a_container"), std::string::npos)
      << to_string(live[0].site);
}

TEST(call_site, of_nothing_is_an_unknown_place) { EXPECT_EQ(to_string(call_site{}), "an unknown place"); }

TEST(call_site, without_a_name_is_an_offset_or_an_address) {
  static int datum; // not a function, and not exported
  call_site site;
  site.frames[0] = &datum + 1;
  EXPECT_NE(to_string(site).find("+0x"), std::string::npos);
  site.frames[0] = reinterpret_cast<const void*>(std::uintptr_t{17});
  EXPECT_EQ(to_string(site), "0x10");
}

TEST(call_site, whose_frames_are_all_of_a_library_names_the_innermost) {
  call_site site;
  site.frames[0] = reinterpret_cast<const std::byte*>(&std::terminate) + 1;
  EXPECT_EQ(to_string(site).rfind("std::terminate() (", 0), 0u) << to_string(site);
}

TEST(call_site, has_its_endless_names_cut) {
  call_site site;
  site.frames[0] = reinterpret_cast<const std::byte*>(
                       &site_with_a_type<std::map<std::string, std::map<std::string, std::string>>>) +
                   1;
  EXPECT_NE(to_string(site).find("site_with_a_type"), std::string::npos);
  EXPECT_NE(to_string(site).find("... ("), std::string::npos) << to_string(site);
  EXPECT_LT(to_string(site).size(), 200u);
}

TEST(call_site, without_a_way_up_the_stack_is_where_it_was_told) {
  const void* const elsewhere = &elsewhere;
  call_site expected;
  expected.frames[0] = elsewhere;
  EXPECT_EQ(detail::callers_from(elsewhere), expected);
}

// ---- threads

TEST_F(checked, threads_share_one_whose_upstream_is_for_one_thread) {
  unsynchronized_pool_resource pool;
  checked_resource shared(&pool, seen.handler());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&shared] {
      std::pmr::map<int, std::pmr::string> map(&shared);
      for (int i = 0; i < 500; ++i) map.emplace(i % 100, std::string(40, 'x')), map.erase(i % 70);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(shared.leaks().empty());
  expect_silence();
}

TEST_F(checked, of_two_racing_frees_one_is_right) {
  for (int round = 0; round < 200; ++round) {
    std::byte* const p = allocate(16);
    std::atomic<int> ready = 0;
    const auto race = [&] {
      ++ready;
      while (ready != 2) std::this_thread::yield();
      free(p, 16);
    };
    std::thread other(race);
    race();
    other.join();
    ASSERT_EQ(seen.kinds(), kinds(static_cast<std::size_t>(round) + 1, double_free));
  }
  destroy();
  EXPECT_TRUE(upstream.clean());
}

TEST_F(checked, upstream_may_call_back) {
  bool inside = false;
  upstream.on_call = [&] {
    if (inside) return;
    inside = true;
    free(allocate(8), 8);
    inside = false;
  };
  free(allocate(100), 100);
  inside = true; // from now on it does not
  destroy();
  expect_silence();
  EXPECT_TRUE(upstream.clean());
}

} // namespace
} // namespace quarry::test
