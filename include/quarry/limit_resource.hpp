// A budget. A wrapper beside the ladder.
#pragma once

#include <cstddef>
#include <memory_resource>

#include <quarry/atomic_word.hpp>

namespace quarry {

/// Passes requests on to upstream while the bytes asked of it and not given back stay within a budget. Over
/// it, allocation throws std::bad_alloc, without a call upstream, and nothing has changed.
///
/// Thread-safe if upstream is. Exact: at no moment has upstream given more than the budget, and bytes can be
/// had again as soon as their deallocation returns. Counted are the bytes of each request, as asked; while a
/// request is on its way its bytes count, also when upstream then fails.
class limit_resource final : public std::pmr::memory_resource {
public:
  /// Both resources must outlive what was allocated; `max_bytes` of the largest std::size_t never limits.
  limit_resource(std::pmr::memory_resource* upstream, std::size_t max_bytes) noexcept
      : upstream_(upstream), max_bytes_(max_bytes), left_(max_bytes) {}
  limit_resource(const limit_resource&) = delete;
  limit_resource& operator=(const limit_resource&) = delete;

  std::pmr::memory_resource* upstream_resource() const noexcept { return upstream_; }
  std::size_t max_bytes() const noexcept { return max_bytes_; }

  /// What can be asked at this moment, in one request or several.
  std::size_t bytes_left() const noexcept { return left_.load_acquire(); }

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  bool take(std::size_t bytes) noexcept;

  std::pmr::memory_resource* const upstream_;
  const std::size_t max_bytes_;
  detail::atomic_word<std::size_t> left_; // max_bytes_ = left_ + bytes of blocks out + bytes on their way
};

} // namespace quarry
