#include <quarry/page_resource.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <new>

#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "poison.hpp"
#include "prefault.hpp"

namespace quarry {

namespace {

constexpr int collapse = 25; // advice that is younger than the headers of some systems

constexpr std::size_t huge_page_size = std::size_t{2} << 20;

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

// 0 when there is no such number.
std::size_t rounded_up(std::size_t bytes, std::size_t unit) noexcept {
  return (bytes + unit - 1) & ~(unit - 1);
}

// If the system can't split a mapping any more, the pages go back and only their addresses stay taken.
void unmap(void* memory, std::size_t size) noexcept {
  if (size != 0 && ::munmap(memory, size) != 0) ::madvise(memory, size, MADV_DONTNEED);
}

// Maps enough to find the alignment in it, and unmaps what lies before and behind. Null when there is none.
void* map_aligned(std::size_t size, std::size_t alignment, std::size_t page, int flags) noexcept {
  const std::size_t slack = alignment > page ? alignment - page : 0;
  if (size + slack < size) return nullptr;
  void* const memory =
      ::mmap(nullptr, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(memory);
  const std::size_t before = (~reinterpret_cast<std::uintptr_t>(first) + 1) & (alignment - 1) & ~(page - 1);
  unmap(first, before);
  unmap(first + before + size, slack - before);
  return first + before;
}

// Kernels before 5.14 know no such advice: there the first byte of each page is written.
bool make_present(void* memory, std::size_t size) noexcept {
  if (detail::populate(memory, size)) return true;
  if (errno != EINVAL) return false;
  auto* const first = static_cast<volatile std::byte*>(memory);
  for (std::size_t i = 0; i < size; i += page_size()) first[i] = std::byte{0};
  return true;
}

// Sanitizers make ::mlock do nothing and say it did, hence the bare calls. One that failed may have marked
// the memory: without munlock its pages would be locked as they come.
bool lock_pages(void* memory, std::size_t size) noexcept {
  if (::syscall(SYS_mlock, memory, size) == 0) return true;
  ::syscall(SYS_munlock, memory, size);
  return false;
}

// Preferred, not bound: where a bound node is full the kernel kills the program.
bool prefer_node(void* memory, std::size_t size, int node) noexcept {
  std::array<unsigned long, 16> nodes{};
  constexpr int bits = sizeof(unsigned long) * CHAR_BIT;
  if (node < 0 || node >= static_cast<int>(nodes.size()) * bits) return false;
  nodes[static_cast<std::size_t>(node / bits)] = 1ul << (node % bits);
  return ::syscall(SYS_mbind, memory, size, MPOL_PREFERRED, nodes.data(), nodes.size() * bits + 1, 0) == 0;
}

// This and the next map memory with what was wished, and take back in `got` what was not granted. Null when
// there is none. Reserved pages are never swapped out, so there is nothing to lock.
void* reserved_huge_pages(std::size_t size, std::size_t alignment, page_options& got) noexcept {
  void* const memory = map_aligned(size, alignment, huge_page_size, MAP_HUGETLB | MAP_HUGE_2MB);
  if (memory == nullptr) return nullptr;
  if (!prefer_node(memory, size, got.numa_node)) got.numa_node = -1;
  if (make_present(memory, size)) return memory;
  unmap(memory, size); // touching it later would be fatal
  return nullptr;
}

void* pages(std::size_t size, std::size_t alignment, page_options& got) noexcept {
  void* const memory = map_aligned(size, alignment, page_size(), 0);
  if (memory == nullptr) return nullptr;
  if (!prefer_node(memory, size, got.numa_node)) got.numa_node = -1;
  const bool advised = got.huge_pages && ::madvise(memory, size, MADV_HUGEPAGE) == 0;
  const bool there = (got.huge_pages || got.prefault) && make_present(memory, size);
  got.huge_pages = advised && there && ::madvise(memory, size, collapse) == 0; // succeeds if all are huge
  got.prefault = got.prefault && there;
  got.lock = got.lock && lock_pages(memory, size);
  return memory;
}

} // namespace

page_memory_resource::page_memory_resource(page_options wishes) noexcept
    : wishes_(wishes), huge_pages_(wishes.huge_pages), lock_(wishes.lock), prefault_(wishes.prefault),
      numa_node_(wishes.numa_node) {}

page_options page_memory_resource::granted() const noexcept {
  return {.huge_pages = huge_pages_.load_relaxed(),
          .lock = lock_.load_relaxed(),
          .numa_node = numa_node_.load_relaxed(),
          .prefault = prefault_.load_relaxed()};
}

void page_memory_resource::note(const page_options& got) noexcept {
  if (!got.huge_pages) huge_pages_.store_relaxed(false);
  if (!got.lock) lock_.store_relaxed(false);
  if (!got.prefault) prefault_.store_relaxed(false);
  if (got.numa_node == -1) numa_node_.store_relaxed(-1);
}

// 0 when there is no such size. Whatever kind of pages a block has, its size depends on the wish alone.
std::size_t page_memory_resource::size_of_block(std::size_t bytes) const noexcept {
  return rounded_up(bytes == 0 ? 1 : bytes, wishes_.huge_pages ? huge_page_size : page_size());
}

void* page_memory_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t size = size_of_block(bytes);
  if (size < bytes) throw std::bad_alloc();
  if (wishes_.huge_pages) alignment = std::max(alignment, huge_page_size);
  page_options got = wishes_;
  void* memory = wishes_.huge_pages ? reserved_huge_pages(size, alignment, got) : nullptr;
  if (memory == nullptr) memory = pages(size, alignment, got);
  if (memory == nullptr) throw std::bad_alloc();
  note(got);
  detail::begin_roots(memory, size);
  return memory;
}

void page_memory_resource::do_deallocate(void* memory, std::size_t bytes, std::size_t) {
  detail::end_roots(memory, size_of_block(bytes));
  unmap(memory, size_of_block(bytes));
}

std::pmr::memory_resource* page_resource() noexcept {
  alignas(page_memory_resource) static std::byte storage[sizeof(page_memory_resource)];
  static auto* const instance = ::new (storage) page_memory_resource; // never destroyed
  return instance;
}

} // namespace quarry
