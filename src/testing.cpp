#include <quarry/testing.hpp>

#include <stdexcept>
#include <string>

namespace quarry {

const char* failing_resource::failure::what() const noexcept { return "quarry: failing_resource failed"; }

failing_resource::~failing_resource() {
  for (const auto& [address, b] : held_) upstream_->deallocate(address, b.bytes, b.alignment);
}

void failing_resource::fail_at(std::size_t call, std::size_t count) noexcept {
  const std::lock_guard guard(mutex_);
  calls_ = 0;
  first_ = call;
  count_ = count;
}

// ---- the calls

void* failing_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (must_fail()) throw failure();
  void* const p = upstream_->allocate(bytes, alignment);
  try {
    const std::lock_guard guard(mutex_);
    held_.emplace(p, block{bytes, alignment});
    bytes_ += bytes;
  } catch (...) { // no memory for the books
    upstream_->deallocate(p, bytes, alignment);
    throw;
  }
  return p;
}

void failing_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  if (strike(p, bytes, alignment)) upstream_->deallocate(p, bytes, alignment);
}

bool failing_resource::must_fail() noexcept {
  const std::lock_guard guard(mutex_);
  const std::size_t call = calls_++;
  const bool fails = call >= first_ && call - first_ < count_;
  failures_ += fails;
  return fails;
}

bool failing_resource::strike(void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find(p);
  if (found == held_.end() || found->second.bytes != bytes || found->second.alignment != alignment) {
    ++mismatches_;
    return false;
  }
  held_.erase(found);
  bytes_ -= bytes;
  return true;
}

// ---- the books

std::size_t failing_resource::calls() const noexcept {
  const std::lock_guard guard(mutex_);
  return calls_;
}

std::size_t failing_resource::failures() const noexcept {
  const std::lock_guard guard(mutex_);
  return failures_;
}

std::size_t failing_resource::mismatches() const noexcept {
  const std::lock_guard guard(mutex_);
  return mismatches_;
}

std::size_t failing_resource::blocks_held() const noexcept {
  const std::lock_guard guard(mutex_);
  return held_.size();
}

std::size_t failing_resource::bytes_held() const noexcept {
  const std::lock_guard guard(mutex_);
  return bytes_;
}

// ---- the loop

namespace {

void expect_nothing_left(const failing_resource& upstream, std::size_t call) {
  const std::string where = upstream.failures() == 0
                                ? " when no call failed"
                                : " when call " + std::to_string(call) + " of allocate had failed";
  if (upstream.blocks_held() != 0)
    throw std::logic_error("quarry: for_each_failure_point: " + std::to_string(upstream.blocks_held()) +
                           " blocks of " + std::to_string(upstream.bytes_held()) +
                           " bytes were not given back" + where);
  if (upstream.mismatches() != 0)
    throw std::logic_error(
        "quarry: for_each_failure_point: something was given back that had not been given" + where);
}

} // namespace

std::size_t detail::for_each_failure_point(const std::function<bool(failing_resource&)>& f,
                                           std::size_t failures) {
  for (std::size_t call = 0;; ++call) {
    failing_resource upstream;
    upstream.fail_at(call, failures);
    bool go_on = true;
    try {
      go_on = f(upstream);
    } catch (const failing_resource::failure&) { // as told
    }
    expect_nothing_left(upstream, call);
    const bool failed = upstream.failures() != 0;
    if (!failed || !go_on) return failed ? call + 1 : call;
  }
}

} // namespace quarry
