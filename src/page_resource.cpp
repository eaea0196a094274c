#include <quarry/page_resource.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

#include <sys/mman.h>
#include <unistd.h>

namespace quarry {

namespace {

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t whole_pages(std::size_t bytes) noexcept { return (bytes + page_size() - 1) & ~(page_size() - 1); }

class pages final : public std::pmr::memory_resource {
  // Maps enough to find the alignment in it, and unmaps what lies before and behind.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    const std::size_t size = whole_pages(bytes == 0 ? 1 : bytes);
    const std::size_t slack = alignment > page_size() ? alignment - page_size() : 0;
    if (size < bytes || size + slack < size) throw std::bad_alloc();
    void* const memory =
        ::mmap(nullptr, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    auto* const first = static_cast<std::byte*>(memory);
    const std::size_t before =
        (~reinterpret_cast<std::uintptr_t>(first) + 1) & (alignment - 1) & ~(page_size() - 1);
    if (before != 0) ::munmap(first, before);
    if (slack != before) ::munmap(first + before + size, slack - before);
    return first + before;
  }

  void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
    ::munmap(memory, whole_pages(bytes == 0 ? 1 : bytes));
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
};

} // namespace

std::pmr::memory_resource* page_resource() noexcept {
  alignas(pages) static std::byte storage[sizeof(pages)];
  static auto* const instance = ::new (storage) pages; // never destroyed
  return instance;
}

} // namespace quarry
