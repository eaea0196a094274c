// A call on a pool that threads share: release() waits for those that are under way, and keeps others out.
// Rung 5.
#pragma once

#include "thread_cache.hpp"
#include "thread_magazines.hpp"

namespace quarry::detail {

// What this thread is inside of, by pool: upstream, and what an observer does, may lead back into one.
class call_frame {
public:
  call_frame(const call_frame&) = delete;
  call_frame& operator=(const call_frame&) = delete;

protected:
  explicit call_frame(thread_magazines& pool) noexcept : pool_(pool), outer_(innermost_) {
    innermost_ = this;
  }
  ~call_frame() { innermost_ = outer_; }

  bool is_within_another() const noexcept { return has(outer_, pool_); }
  static bool has(const call_frame* frame, const thread_magazines& pool) noexcept {
    while (frame != nullptr && &frame->pool_ != &pool) frame = frame->outer_;
    return frame != nullptr;
  }

  thread_magazines& pool_;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local call_frame* innermost_;

private:
  call_frame* const outer_;
};

// A thread that has a cache counts its calls there, by plain loads and stores; others are counted together.
//
//   caller:  calls ← calls + 1 · compiler fence · closed (acquire)? · work · calls ← calls − 1 (release)
//   release: closed ← true · membarrier · all calls = 0 (acquire)? · work · closed ← false (release)
//
// as owner and visitor of a cache (magazine.hpp): of the caller's store and load, and the other's, at least
// one sees the other. Where calls are counted together, locked instructions do for the barrier. A call from
// within one is let in.
class thread_call : call_frame {
public:
  explicit thread_call(thread_magazines& pool) noexcept : call_frame(pool), cache_(pool.cache_at_hand()) {
    begin();
    if (pool_.closed_.load(std::memory_order_seq_cst)) [[unlikely]]
      wait_until_open();
  }
  ~thread_call() { end(); }

  /// Whether this thread is inside a call on `pool`.
  static bool is_within(const thread_magazines& pool) noexcept { return call_frame::has(innermost_, pool); }

private:
  void begin() noexcept {
    if (cache_ == nullptr) {
      pool_.calls_without_cache_.fetch_add(1, std::memory_order_seq_cst);
      return;
    }
    cache_->calls_inside.store_relaxed(cache_->calls_inside.load_relaxed() + 1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
  }
  void end() noexcept {
    if (cache_ == nullptr)
      pool_.calls_without_cache_.fetch_sub(1, std::memory_order_release);
    else
      cache_->calls_inside.store_release(cache_->calls_inside.load_relaxed() - 1);
  }
  void wait_until_open() noexcept;

  thread_cache* const cache_;
};

/// Has the pool for its thread alone, from within upstream as well. Not to be had from within a call: aborts
/// and says so.
class only_call : call_frame {
public:
  explicit only_call(thread_magazines& pool) noexcept;
  ~only_call();

private:
  bool somebody_is_inside() const noexcept;
};

} // namespace quarry::detail
