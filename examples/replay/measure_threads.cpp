#include "charged_upstream.hpp"
#include "measure.hpp"
#include "pace.hpp"

#include "replay/crew.hpp"
#include "replay/trace_replay.hpp"

#include <exception>
#include <mutex>

namespace quarry_replay {
namespace {

// The first thing that went wrong on a thread, for the one that waits for all.
class first_failure {
public:
  void keep(std::exception_ptr failure) {
    const std::lock_guard guard(mutex_);
    if (!failure_) failure_ = std::move(failure);
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

private:
  std::mutex mutex_;
  std::exception_ptr failure_;
};

void replay_at_pace(const threaded_trace_script::thread& own, std::size_t thread,
                    std::pmr::memory_resource& resource, thread_replay_slots& slots, pace& common) {
  const std::span<const trace_operation> operations(own.operations);
  for (std::size_t begin = 0, end = 0; begin < operations.size(); begin = end) {
    const std::size_t event = own.events[begin];
    common.reach(thread, event);
    while (end < operations.size() && own.events[end] < event + pace::stride) ++end;
    replay(resource, operations.subspan(begin, end - begin), slots);
  }
}

double replay_with_threads(const threaded_trace_script& script, std::pmr::memory_resource& resource) {
  shared_replay_slots shared(script.shared_slot_count);
  pace common(script.threads.size());
  first_failure failure;
  const double ns = together_ns_per(script.operation_count, script.threads.size(), [&](std::size_t thread) {
    return [&, thread, slots = thread_replay_slots(script.threads[thread].slot_count, shared)]() mutable {
      try {
        replay_at_pace(script.threads[thread], thread, resource, slots, common);
      } catch (...) {
        failure.keep(std::current_exception());
        shared.abandon();
      }
      common.leave(thread);
    };
  });
  failure.rethrow();
  replay(resource, script.never_freed, shared);
  return ns;
}

// Counts what is live of a resource: with threads that depends on how they meet.
class live_counter final : public std::pmr::memory_resource {
public:
  explicit live_counter(std::pmr::memory_resource& resource) : resource_(resource) {}
  std::size_t peak() const { return peak_; }

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const block = resource_.allocate(bytes, alignment);
    raise_to(peak_, live_ += bytes);
    return block;
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    live_ -= bytes;
    resource_.deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource& resource_;
  std::atomic<std::size_t> live_ = 0, peak_ = 0;
};

} // namespace

double time_with_threads(const program& p, const subject& s) {
  double ns = 0;
  s.with_fresh(std::pmr::new_delete_resource(),
               [&](std::pmr::memory_resource& fresh) { ns = replay_with_threads(p.threaded, fresh); });
  malloc_trim(0);
  return ns;
}

memory_use memory_with_threads(const program& p, const subject& s) {
  memory_use use;
  charged_upstream upstream(s.object_bytes);
  s.with_fresh(&upstream, [&](std::pmr::memory_resource& fresh) {
    live_counter counter(fresh);
    replay_with_threads(p.threaded, counter);
    use = {.peak_live = counter.peak(),
           .peak_counted = upstream.take_peak(),
           .upstream_calls = upstream.calls(),
           .history = {}};
  });
  malloc_trim(0);
  return use;
}

} // namespace quarry_replay
