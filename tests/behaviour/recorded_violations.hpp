#pragma once

#include <quarry/violation.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <vector>

namespace quarry::test {

// Notes what is reported instead of aborting, while it lives.
class recorded_violations {
public:
  recorded_violations() : old_(set_violation_handler({&report, this})) {}
  ~recorded_violations() { set_violation_handler(old_); }
  recorded_violations(const recorded_violations&) = delete;
  recorded_violations& operator=(const recorded_violations&) = delete;

  struct entry {
    violation_kind kind;
    const void* address;
    bool operator==(const entry&) const = default;
  };
  std::vector<entry> all() const {
    const std::lock_guard guard(mutex_);
    return entries_;
  }

private:
  static void report(const violation& v, void* context) noexcept {
    auto& self = *static_cast<recorded_violations*>(context);
    const std::lock_guard guard(self.mutex_);
    EXPECT_FALSE(v.message.empty());
    self.entries_.push_back({v.kind, v.address});
  }
  mutable std::mutex mutex_;
  std::vector<entry> entries_;
  violation_handler old_;
};

} // namespace quarry::test
