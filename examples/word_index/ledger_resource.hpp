#pragma once

#include <atomic>
#include <cstddef>
#include <memory_resource>

namespace word_index {

/// Counts what passes through it on the way to new and delete.
class ledger_resource final : public std::pmr::memory_resource {
public:
  std::size_t calls() const { return calls_; }
  std::size_t peak_bytes() const { return peak_bytes_; }

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const block = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    ++calls_;
    const std::size_t now = bytes_ += bytes;
    for (std::size_t peak = peak_bytes_; peak < now && !peak_bytes_.compare_exchange_weak(peak, now);) {
    }
    return block;
  }

  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    ++calls_;
    bytes_ -= bytes;
    std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
  }

  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::atomic<std::size_t> calls_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> peak_bytes_ = 0;
};

} // namespace word_index
