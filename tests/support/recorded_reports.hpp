#pragma once

#include <quarry/violation.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace quarry::test {

// Notes what is reported to `handler()`, words included.
class recorded_reports {
public:
  struct entry {
    violation_kind kind;
    const void* address;
    std::size_t size, alignment;
    std::string message;
  };

  violation_handler handler() { return {&note, this}; }

  std::vector<entry> all() const {
    const std::lock_guard guard(mutex_);
    return entries_;
  }
  std::vector<violation_kind> kinds() const {
    std::vector<violation_kind> result;
    for (const entry& e : all()) result.push_back(e.kind);
    return result;
  }

private:
  static void note(const violation& v, void* context) noexcept {
    auto& self = *static_cast<recorded_reports*>(context);
    const std::lock_guard guard(self.mutex_);
    self.entries_.push_back({v.kind, v.address, v.size, v.alignment, std::string(v.message)});
  }

  mutable std::mutex mutex_;
  std::vector<entry> entries_;
};

} // namespace quarry::test
