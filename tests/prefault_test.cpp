// Pages that are there before they are written to (src/prefault.hpp).
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "prefault.hpp"

namespace quarry::detail {
namespace {

const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

class prefault_test : public ::testing::Test {
protected:
  static constexpr std::size_t pages = 16;

  prefault_test() {
    memory = static_cast<std::byte*>(
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  ~prefault_test() override { ::munmap(memory, bytes); }

  std::size_t pages_there() const {
    std::vector<unsigned char> there(pages);
    EXPECT_EQ(::mincore(memory, bytes, there.data()), 0);
    std::size_t count = 0;
    for (const unsigned char each : there) count += each & 1;
    return count;
  }
  // Kernels before 5.14 can't.
  bool system_can() { return populate(memory, page); }

  const std::size_t bytes = pages * page;
  std::byte* memory;
};

TEST_F(prefault_test, maps_all_pages) {
  if (!system_can()) GTEST_SKIP() << "a kernel without MADV_POPULATE_WRITE";
  EXPECT_LT(pages_there(), pages);
  prefault(memory, bytes);
  EXPECT_EQ(pages_there(), pages);
}

TEST_F(prefault_test, changes_no_content) {
  memory[page] = std::byte{7};
  prefault(memory, bytes);
  EXPECT_EQ(memory[page], std::byte{7});
  EXPECT_EQ(memory[2 * page], std::byte{0});
}

TEST_F(prefault_test, does_nothing_where_the_last_page_is_there) {
  memory[bytes - 1] = std::byte{7};
  prefault(memory, bytes);
  EXPECT_EQ(pages_there(), 1u);
}

TEST_F(prefault_test, maps_pages_of_which_it_is_given_parts) {
  prefault(memory + page / 2, 4 * page);
  EXPECT_EQ(pages_there(), 5u);
}

TEST_F(prefault_test, does_nothing_without_a_whole_page) {
  prefault(memory, page / 2);
  prefault(memory + 1, 2 * page - 2);
  EXPECT_EQ(pages_there(), 0u);
}

TEST_F(prefault_test, tells_no_error) {
  ::mprotect(memory, bytes, PROT_NONE);
  errno = 0;
  prefault(memory, bytes);
  EXPECT_EQ(errno, 0);
}

} // namespace
} // namespace quarry::detail
