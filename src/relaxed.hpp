// A value that one thread writes under a lock and others may glance at. Rung 0.
#pragma once

#include <atomic>

namespace quarry::detail {

/// Reads and writes like a plain value; each is a relaxed atomic, so that who looks without the lock sees an
/// old value or a new one.
template <class Value>
class relaxed {
public:
  relaxed() noexcept = default;
  operator Value() const noexcept { return value_.load(std::memory_order_relaxed); }
  relaxed& operator=(Value value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  // Not one step: only who writes under the lock may do this.
  relaxed& operator+=(Value more) noexcept { return *this = *this + more; }
  relaxed& operator-=(Value less) noexcept { return *this = *this - less; }

private:
  std::atomic<Value> value_;
};

} // namespace quarry::detail
