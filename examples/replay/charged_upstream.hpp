// operator new as an upstream that counts what is held of it. A block is charged with what malloc spends on
// it, header and rounding included, so that a resource which asks for many small blocks and one that asks for
// few large ones are counted alike.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <memory_resource>

namespace quarry_replay {

/// `most` = the larger of it and `now`.
inline void raise_to(std::atomic<std::size_t>& most, std::size_t now) {
  for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
  }
}

class charged_upstream final : public std::pmr::memory_resource {
public:
  /// `object`: bytes of the resource itself, which count as well.
  explicit charged_upstream(std::size_t object = 0) : held_(object), peak_(object) {}

  std::size_t calls() const { return calls_; }

  /// The most that was held since the last call of this.
  std::size_t take_peak() { return peak_.exchange(held_); }

private:
  // What malloc says of over-aligned blocks contains address space that alignment passed over.
  static std::size_t charge_for(void* block, std::size_t bytes, std::size_t alignment) {
    return (alignment > alignof(std::max_align_t) ? bytes : malloc_usable_size(block)) + sizeof(std::size_t);
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const block = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    ++calls_;
    raise_to(peak_, held_ += charge_for(block, bytes, alignment));
    return block;
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    ++calls_;
    held_ -= charge_for(block, bytes, alignment);
    std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::atomic<std::size_t> held_, peak_, calls_ = 0;
};

} // namespace quarry_replay
