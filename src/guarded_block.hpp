// A block between two guards, and the patterns that show who wrote where. Beside the ladder.
#pragma once

#include <algorithm>
#include <cstddef>

namespace quarry::detail {

// What one upstream allocation of a checked_resource is:
//
//   memory | front: padding, guard | block: exactly the size asked | back: guard |
//   front = max(guard_bytes, alignment);  bytes = front + size + guard_bytes
struct guarded_block {
  static constexpr std::size_t guard_bytes = 64;

  std::byte* address = nullptr;
  std::size_t size = 0;
  std::size_t alignment = 1;

  /// What to ask of upstream; where the sum is more than any object has, that much, which upstream refuses.
  /// (Not SIZE_MAX: libstdc++ 12's aligned operator new rounds it up to 0, and gives that.)
  static constexpr std::size_t bytes_for(std::size_t size, std::size_t alignment) noexcept {
    constexpr std::size_t most = static_cast<std::size_t>(-1) / 2;
    const std::size_t guards = std::min(front_for(alignment), most - guard_bytes) + guard_bytes;
    return guards + std::min(size, most - guards);
  }
  static guarded_block in(void* memory, std::size_t size, std::size_t alignment) noexcept {
    return {static_cast<std::byte*>(memory) + front_for(alignment), size, alignment};
  }

  std::byte* memory() const noexcept { return address - front_for(alignment); }
  std::size_t bytes() const noexcept { return bytes_for(size, alignment); }
  std::byte* end() const noexcept { return address + size; }

  /// Effects: both guards have their pattern, the block that of memory nobody has written yet.
  void fill_allocated() const noexcept;
  /// Effects: both guards have their pattern again, the block that of freed memory.
  void fill_freed() const noexcept;

  /// The first byte behind the block, the last one before it, and (after fill_freed()) the first one in or
  /// beside it, that was written by somebody; null when none was.
  const std::byte* overrun() const noexcept;
  const std::byte* underrun() const noexcept;
  const std::byte* late_write() const noexcept;

private:
  static constexpr std::size_t front_for(std::size_t alignment) noexcept {
    return std::max(guard_bytes, alignment);
  }
  std::byte* front_guard() const noexcept { return address - guard_bytes; }
};

} // namespace quarry::detail
