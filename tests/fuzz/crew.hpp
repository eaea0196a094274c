#pragma once

#include "script.hpp"

#include <array>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace quarry::test {

// A thread that does what it is given, one piece at a time, and keeps its caches in between.
class crew_member {
public:
  crew_member() : thread_([this] { serve(); }) {}
  ~crew_member() {
    hand_over(nullptr);
    thread_.join();
  }
  crew_member(const crew_member&) = delete;
  crew_member& operator=(const crew_member&) = delete;

  // Waits until it is done; throws what it throws.
  void run(const std::function<void()>& work) {
    hand_over(&work);
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [&] { return !given_; });
    if (thrown_ != nullptr) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

private:
  void hand_over(const std::function<void()>* work) {
    const std::lock_guard guard(mutex_);
    work_ = work;
    given_ = true;
    changed_.notify_all();
  }
  void serve() {
    std::unique_lock guard(mutex_);
    for (;;) {
      changed_.wait(guard, [&] { return given_; });
      if (work_ == nullptr) return;
      try {
        (*work_)();
      } catch (...) {
        thrown_ = std::current_exception();
      }
      given_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* work_ = nullptr; // null: leave
  bool given_ = false;
  std::exception_ptr thrown_;
  std::thread thread_;
};

// The threads of a script: 0 is the caller's, the others begin when they are first needed.
class crew {
public:
  void run_on(std::size_t which, const std::function<void()>& work) {
    if (which == 0) return work();
    auto& member = members_[which - 1];
    if (member == nullptr) member = std::make_unique<crew_member>();
    member->run(work);
  }
  void dismiss(std::size_t which) {
    if (which != 0) members_[which - 1].reset();
  }

private:
  std::array<std::unique_ptr<crew_member>, most_threads - 1> members_;
};

} // namespace quarry::test
