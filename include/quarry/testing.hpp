// Tests of code that must survive running out of memory. Beside the ladder: std only.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory_resource>
#include <mutex>
#include <new>
#include <type_traits>

namespace quarry {

/// An upstream that fails where it is told to, and keeps the books of what was not given back. Thread-safe.
///
/// Calls of allocate are counted from the last fail_at(), the first is number 0; a call that fails throws
/// `failing_resource::failure`, a std::bad_alloc of its own, and asks nobody. deallocate never fails: what
/// was not given with that address, size and alignment is counted in mismatches() and goes no further.
///
/// Learned from Bloomberg's bslma::TestAllocator (BDE, groups/bsl/bslma/bslma_testallocator.h).
class failing_resource final : public std::pmr::memory_resource {
public:
  struct failure : std::bad_alloc {
    const char* what() const noexcept override;
  };
  static constexpr std::size_t for_ever = (std::numeric_limits<std::size_t>::max)();

  explicit failing_resource(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource()) noexcept
      : upstream_(upstream) {}
  /// Gives upstream whatever was not given back.
  ~failing_resource() override;
  failing_resource(const failing_resource&) = delete;
  failing_resource& operator=(const failing_resource&) = delete;

  /// Of the allocate calls from now on, number `call` fails, and the `count - 1` that follow it.
  void fail_at(std::size_t call, std::size_t count = 1) noexcept;
  void fail_never() noexcept { fail_at(0, 0); }

  std::pmr::memory_resource* upstream_resource() const noexcept { return upstream_; }
  std::size_t calls() const noexcept;      ///< of allocate, failed ones too, since the last fail_at()
  std::size_t failures() const noexcept;   ///< calls that failed as they were told to, ever
  std::size_t mismatches() const noexcept; ///< deallocations of what was not given, ever
  std::size_t blocks_held() const noexcept;
  std::size_t bytes_held() const noexcept;

private:
  struct block {
    std::size_t bytes, alignment;
  };
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  bool must_fail() noexcept;
  bool strike(void* p, std::size_t bytes, std::size_t alignment) noexcept;

  std::pmr::memory_resource* const upstream_;
  mutable std::mutex mutex_; // guards all below; not held over calls upstream
  std::map<void*, block> held_;
  std::size_t bytes_ = 0, calls_ = 0, failures_ = 0, mismatches_ = 0;
  std::size_t first_ = 0, count_ = 0; // which calls fail
};

namespace detail {
std::size_t for_each_failure_point(const std::function<bool(failing_resource&)>& f, std::size_t failures);
} // namespace detail

/// Calls f(upstream) once for each call of allocate that it makes, with that call failing: first with call 0
/// failing, then with call 1, and so on, until f has run without meeting a failure. Returns the number of
/// runs that met one: 0 means that f asked its upstream for nothing.
///
/// Each run has a failing_resource& of its own, so f makes what it tests anew:
///
///     quarry::for_each_failure_point([](quarry::failing_resource& upstream) {
///       quarry::unsynchronized_pool_resource pool(&upstream);
///       std::pmr::vector<int> numbers(100, &pool);
///     });
///
/// Of `failures` calls that fail in a row only the first is moved; with failing_resource::for_ever memory
/// stays out. f may call upstream.fail_never() when it has seen enough, to show that what it tests goes on.
///
/// A failure that leaves f is what was wanted, and so is one that f survives. Anything else that f throws
/// leaves for_each_failure_point as it is: so f reports what it finds wrong in the way of the test framework
/// at hand, if any. f may return bool: false ends the loop, so that a broken test need not break a thousand
/// times.
///
/// Throws std::logic_error, saying which call failed, when f left anything that it had not given back, or
/// gave back something that it had not been given.
template <class F>
std::size_t for_each_failure_point(F&& f, std::size_t failures = 1) {
  return detail::for_each_failure_point(
      [&](failing_resource& upstream) {
        if constexpr (std::is_same_v<decltype(f(upstream)), bool>) {
          return f(upstream);
        } else {
          f(upstream);
          return true;
        }
      },
      failures);
}

} // namespace quarry
