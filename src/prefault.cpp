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

// The last page that is wholly within stands for all: of memory that grows by the end it is the last to be
// used. To look costs 0.6 µs, to ask for 16 pages that are there 6 µs.
void prefault(void* memory, std::size_t bytes) noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(memory), end = begin + bytes;
  const std::uintptr_t last = end / page * page - page;
  if (last < begin) return;
  const int error = errno;
  auto* const first_page = static_cast<std::byte*>(memory) - begin % page;
  if (!is_there(first_page + (last - begin / page * page), page))
    populate(first_page, (end + page - 1) / page * page - begin / page * page);
  errno = error;
}

} // namespace quarry::detail
