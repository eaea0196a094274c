// An upstream that counts what is held of it, and what is held of malloc besides, so that a pool's tables
// count wherever they come from. Its own memory is the operating system's: nothing of it is in malloc's
// count.
#pragma once

#include <quarry/page_resource.hpp>

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <memory_resource>

namespace quarry_bench {

inline std::size_t bytes_in_use_in_malloc() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class counting_upstream final : public std::pmr::memory_resource {
public:
  explicit counting_upstream(std::size_t pool_object) : pool_object_(pool_object) {}

  std::size_t counted() const {
    const std::size_t now = bytes_in_use_in_malloc();
    return pool_object_ + held_ + (now > malloc_before_ ? now - malloc_before_ : 0);
  }
  std::size_t peak_counted() const { return peak_counted_; }
  std::size_t calls() const { return calls_; }

  // Numbers the calls: what the peak is remembered with.
  void set_moment(std::size_t moment) { moment_ = moment; }
  std::size_t moment_of_peak() const { return moment_of_peak_; }

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const block = pages_->allocate(bytes, alignment);
    held_ += bytes;
    ++calls_;
    if (const auto now = counted(); now > peak_counted_) {
      peak_counted_ = now;
      moment_of_peak_ = moment_;
    }
    return block;
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    pages_->deallocate(block, bytes, alignment);
    held_ -= bytes;
    ++calls_;
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* pages_ = quarry::page_resource();
  std::size_t malloc_before_ = bytes_in_use_in_malloc();
  std::size_t pool_object_, held_ = 0, peak_counted_ = 0, calls_ = 0;
  std::size_t moment_ = 0, moment_of_peak_ = 0;
};

} // namespace quarry_bench
