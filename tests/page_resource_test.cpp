#include <quarry/page_resource.hpp>

#include <gtest/gtest.h>

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"

namespace {

using quarry::page_memory_resource;
using quarry::page_options;

constexpr std::size_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
constexpr page_options every_wish{.huge_pages = true, .lock = true, .numa_node = 0, .prefault = true};

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

bool aligned(const void* p, std::size_t alignment) {
  return (reinterpret_cast<std::uintptr_t>(p) & (alignment - 1)) == 0;
}

// Pages of [p, p + size) that are in memory; -1 if not all of them are mapped.
std::ptrdiff_t resident_pages(void* p, std::size_t size) {
  std::vector<unsigned char> pages(size / page_size());
  if (::mincore(p, size, pages.data()) != 0) return -1;
  std::ptrdiff_t count = 0;
  for (const unsigned char page : pages) count += page & 1;
  return count;
}

// What /proc/self/smaps says of the mapping that `p` is in: the rest of the line that starts with `name`.
std::string mapping_says(const void* p, const std::string& name) {
  std::ifstream smaps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    std::uintptr_t first = 0, last = 0;
    char dash = 0;
    std::istringstream words(line);
    if (words >> std::hex >> first >> dash >> last && dash == '-')
      here = first <= reinterpret_cast<std::uintptr_t>(p) && reinterpret_cast<std::uintptr_t>(p) < last;
    if (here && line.starts_with(name + ":")) return line.substr(name.size() + 1);
  }
  return "";
}

// A number of /proc/self/status, in bytes.
std::size_t status_says(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1)) * kib;
  return 0;
}

bool is_reserved_huge_page(const void* p) {
  return std::stoul(mapping_says(p, "KernelPageSize")) * kib == 2 * mib;
}

bool is_huge(const void* p, std::size_t size) {
  return is_reserved_huge_page(p) || std::stoul(mapping_says(p, "AnonHugePages")) * kib >= size;
}

bool is_locked(const void* p) {
  return is_reserved_huge_page(p) || mapping_says(p, "VmFlags").find(" lo") != std::string::npos;
}

// Whether the pages at `p` come from node 0 first.
bool prefers_node_0(void* p) {
  int mode = MPOL_DEFAULT;
  std::array<unsigned long, 16> nodes{};
  const long failed = ::syscall(SYS_get_mempolicy, &mode, nodes.data(), sizeof nodes * 8 + 1, p, MPOL_F_ADDR);
  return failed == 0 && mode == MPOL_PREFERRED && nodes[0] == 1;
}

void use(void* p, std::size_t size) {
  auto* const bytes = static_cast<volatile unsigned char*>(p);
  for (std::size_t i = 0; i < size; i += page_size()) bytes[i] = 1;
  bytes[size - 1] = 2;
  EXPECT_EQ(bytes[size - 1], 2);
}

// The page resources of these tests: none of the wishes may cost a block its alignment or its memory.
class page_resource_test : public ::testing::TestWithParam<page_options> {};

INSTANTIATE_TEST_SUITE_P(wishes, page_resource_test,
                         ::testing::Values(page_options{}, page_options{.huge_pages = true},
                                           page_options{.lock = true}, page_options{.numa_node = 0},
                                           page_options{.prefault = true}, every_wish,
                                           page_options{.numa_node = 1023}));

TEST_P(page_resource_test, gives_every_alignment) {
  page_memory_resource pages(GetParam());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, page_size() + 1, 3 * mib})
    for (std::size_t alignment = 1; alignment <= gib; alignment *= 2) {
      void* const p = pages.allocate(size, alignment);
      EXPECT_TRUE(aligned(p, alignment)) << size << " at " << alignment;
      use(p, size == 0 ? 1 : size);
      pages.deallocate(p, size, alignment);
    }
}

TEST_P(page_resource_test, unmaps_what_it_does_not_need) {
  page_memory_resource pages(GetParam());
  const std::size_t before = status_says("VmSize");
  std::vector<void*> blocks;
  for (int i = 0; i != 8; ++i) blocks.push_back(pages.allocate(3 * page_size(), gib));
  EXPECT_LT(status_says("VmSize"), before + gib); // sanitizers map some, too
  for (void* const p : blocks) {
    EXPECT_GE(resident_pages(p, 3 * page_size()), 0);
    pages.deallocate(p, 3 * page_size(), gib);
    EXPECT_EQ(resident_pages(p, 3 * page_size()), -1);
  }
}

TEST_P(page_resource_test, refuses_sizes_that_cannot_be) {
  page_memory_resource pages(GetParam());
  for (const std::size_t size :
       {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - page_size(), SIZE_MAX - 2 * mib, SIZE_MAX / 2})
    for (const std::size_t alignment : {std::size_t{1}, page_size(), gib, SIZE_MAX / 2 + 1})
      EXPECT_THROW(static_cast<void>(pages.allocate(size, alignment)), std::bad_alloc);
  std::size_t alignment = SIZE_MAX / 2 + 1;
  EXPECT_THROW(static_cast<void>(pages.allocate(1, alignment)), std::bad_alloc);
}

TEST_P(page_resource_test, says_what_was_got) {
  page_memory_resource pages(GetParam());
  const std::size_t size = 2 * mib;
  void* const p = pages.allocate(size);
  const page_options got = pages.granted();
  EXPECT_LE(got.huge_pages, is_huge(p, size));
  EXPECT_EQ(got.lock, GetParam().lock && is_locked(p));
  EXPECT_EQ(got.numa_node == 0, prefers_node_0(p));
  const bool there = got.prefault || got.lock || got.huge_pages;
  EXPECT_LE(there, resident_pages(p, size) == static_cast<std::ptrdiff_t>(size / page_size()));
  pages.deallocate(p, size);
}

TEST_P(page_resource_test, grants_nothing_that_was_not_wished) {
  page_memory_resource pages(GetParam());
  pages.deallocate(pages.allocate(1), 1);
  const page_options got = pages.granted();
  EXPECT_LE(got.huge_pages, GetParam().huge_pages);
  EXPECT_LE(got.lock, GetParam().lock);
  EXPECT_LE(got.prefault, GetParam().prefault);
  EXPECT_TRUE(got.numa_node == -1 || got.numa_node == GetParam().numa_node);
  EXPECT_EQ(pages.options().numa_node, GetParam().numa_node);
}

TEST_P(page_resource_test, threads) {
  page_memory_resource pages(GetParam());
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t)
    threads.emplace_back([&] {
      for (std::size_t i = 1; i != 50; ++i) {
        void* const p = pages.allocate(i * kib, 64 * kib);
        use(p, i * kib);
        static_cast<void>(pages.granted());
        pages.deallocate(p, i * kib, 64 * kib);
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(page_resource, untouched_pages_are_not_there) {
  page_memory_resource pages;
  void* const p = pages.allocate(64 * kib);
  EXPECT_EQ(resident_pages(p, 64 * kib), 0);
  pages.deallocate(p, 64 * kib);
}

TEST(page_resource, prefaulted_pages_are_there) {
  page_memory_resource pages({.prefault = true});
  void* const p = pages.allocate(64 * kib);
  EXPECT_TRUE(pages.granted().prefault);
  EXPECT_EQ(resident_pages(p, 64 * kib), static_cast<std::ptrdiff_t>(64 * kib / page_size()));
  pages.deallocate(p, 64 * kib);
}

TEST(page_resource, nodes_that_are_not) {
  for (const int node : {-2, 1022, 1023, 1024, 1 << 30}) {
    page_memory_resource pages({.numa_node = node});
    void* const p = pages.allocate(kib);
    use(p, kib);
    EXPECT_EQ(pages.granted().numa_node, -1) << node;
    pages.deallocate(p, kib);
  }
}

TEST(page_resource, huge_pages_are_whole) {
  page_memory_resource pages({.huge_pages = true});
  void* const p = pages.allocate(1);
  EXPECT_TRUE(aligned(p, 2 * mib));
  use(p, 2 * mib);
  pages.deallocate(p, 1);
  EXPECT_EQ(resident_pages(p, 2 * mib), -1);
}

// Root may lock without limit, so the child is someone else. What it says of itself stays readable.
void limit_locked_memory(std::size_t bytes) {
  const rlimit limit{bytes, bytes};
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  ASSERT_TRUE(::geteuid() != 0 || ::setresuid(65534, 65534, 65534) == 0);
}

TEST(page_resource_death_test, survives_a_locked_memory_limit_of_0) {
  const auto child = [] {
    limit_locked_memory(0);
    page_memory_resource pages({.lock = true, .numa_node = 0, .prefault = true});
    EXPECT_TRUE(pages.granted().lock);
    void* const p = pages.allocate(3 * mib, gib);
    EXPECT_TRUE(aligned(p, gib));
    use(p, 3 * mib);
    EXPECT_FALSE(pages.granted().lock);
    EXPECT_TRUE(pages.granted().prefault);
    EXPECT_EQ(status_says("VmLck"), 0u);
    pages.deallocate(p, 3 * mib, gib);
    page_memory_resource huge(every_wish);
    use(huge.allocate(3 * mib), 4 * mib);
    ::_exit(::testing::Test::HasFailure());
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(0), "");
}

TEST(page_resource_death_test, locks_up_to_the_limit) {
  const auto child = [] {
    limit_locked_memory(64 * kib);
    page_memory_resource pages({.lock = true});
    void* const locked = pages.allocate(32 * kib);
    EXPECT_TRUE(pages.granted().lock);
    EXPECT_EQ(status_says("VmLck"), 32 * kib);
    void* const other = pages.allocate(mib);
    use(other, mib);
    EXPECT_FALSE(pages.granted().lock);
    EXPECT_EQ(status_says("VmLck"), 32 * kib);
    pages.deallocate(other, mib);
    pages.deallocate(locked, 32 * kib);
    EXPECT_EQ(status_says("VmLck"), 0u);
    ::_exit(::testing::Test::HasFailure());
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(0), "");
}

// Holes in a mapping make two of it, and their number is limited: the last holes can't be made.
TEST(page_resource, memory_comes_back_when_mappings_run_out) {
  std::size_t limit = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> limit;
  if (limit > 100'000 || quarry::test::under_tsan)
    GTEST_SKIP() << "would take long with " << limit << " mappings";
  std::vector<void*> blocks(2 * limit + 1000);
  std::size_t got = 0;
  auto* const pages = quarry::page_resource();
  for (auto& block : blocks) {
    block = pages->allocate(1);
    ++got;
  }
  void* const last = blocks[blocks.size() - 500];
  *static_cast<volatile char*>(last) = 1;
  const auto before = resident_pages(last, page_size());
  for (std::size_t i = 0; i < got; i += 2) pages->deallocate(blocks[i], 1);
  const auto after = resident_pages(last, page_size());
  for (std::size_t i = 1; i < got; i += 2) pages->deallocate(blocks[i], 1);
  EXPECT_EQ(before, 1);
  EXPECT_LE(after, 0);
}

TEST(page_resource, is_one) {
  static_assert(noexcept(quarry::page_resource()));
  EXPECT_EQ(quarry::page_resource(), quarry::page_resource());
  const page_memory_resource one, other;
  EXPECT_TRUE(one.is_equal(one));
  EXPECT_FALSE(one.is_equal(other));
  EXPECT_FALSE(one.is_equal(*quarry::page_resource()));
}

} // namespace
