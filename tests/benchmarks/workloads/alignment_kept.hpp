// Some pools ignore the alignment: their time would be that of another job.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quarry_bench {

template <class Source>
bool keeps_the_alignment(const Source& from, std::size_t size, std::size_t alignment) {
  std::array<void*, 64> blocks{};
  std::uintptr_t low_bits = 0;
  for (void*& b : blocks) {
    b = from.allocate(size, alignment);
    low_bits |= reinterpret_cast<std::uintptr_t>(b) % alignment;
  }
  for (void* const b : blocks) from.deallocate(b, size, alignment);
  return low_bits == 0;
}

} // namespace quarry_bench
