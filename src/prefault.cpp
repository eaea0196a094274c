#include "prefault.hpp"

#include <cerrno>
#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

namespace quarry::detail {

namespace {

bool is_there(std::byte* page, std::size_t bytes) noexcept {
  unsigned char there = 0;
  return ::mincore(page, bytes, &there) == 0 && (there & 1) != 0;
}

} // namespace

bool populate(void* memory, std::size_t bytes) noexcept {
  constexpr int populate_write = 23; // advice that is younger than the headers of some systems
  return ::madvise(memory, bytes, populate_write) == 0;
}

// The last page stands for all: of memory that grows by the end it is the last to be used. To look costs
// 0.6 µs, to ask for 16 pages that are there 6 µs.
void prefault(void* memory, std::size_t bytes) noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if ((reinterpret_cast<std::uintptr_t>(memory) | bytes) % page != 0) return;
  const int error = errno;
  if (!is_there(static_cast<std::byte*>(memory) + bytes - page, page)) populate(memory, bytes);
  errno = error;
}

} // namespace quarry::detail
