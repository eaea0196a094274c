#include <quarry/violation.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>

namespace quarry {

namespace {

void print_and_abort(const violation& v) noexcept {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(v.message.size()), v.message.data());
  if (v.kind != violation_kind::leak) std::abort();
}

// Both words change together, under a lock that is free to take at any time of the process.
std::atomic_flag handler_lock = ATOMIC_FLAG_INIT;
constinit violation_handler handler{};

void lock() noexcept {
  while (handler_lock.test_and_set(std::memory_order_acquire)) {
  }
}
void unlock() noexcept { handler_lock.clear(std::memory_order_release); }

// A child of fork() finds the lock free, whichever thread had it.
[[maybe_unused]] const int fork_handlers = ::pthread_atfork(lock, unlock, unlock);

template <class Function>
violation_handler locked(Function f) noexcept {
  lock();
  violation_handler result = f();
  unlock();
  return result;
}

} // namespace

violation_handler set_violation_handler(violation_handler next) noexcept {
  return locked([&] {
    violation_handler before = handler;
    handler = next;
    return before;
  });
}

std::string_view to_string(violation_kind kind) noexcept {
  constexpr std::string_view names[] = {"double_free", "wrong_size", "wrong_alignment",  "foreign_pointer",
                                        "overrun",     "underrun",   "write_after_free", "leak"};
  return names[static_cast<std::size_t>(kind)];
}

void detail::report_violation(violation_kind kind, const void* address, std::size_t size,
                              std::size_t alignment, std::string_view what, violation_handler own) noexcept {
  char message[4096]; // room for call sites
  const std::string_view name = to_string(kind);
  const int length =
      std::snprintf(message, sizeof message, "quarry: %.*s: %.*s (address %p, size %zu, alignment %zu)",
                    static_cast<int>(name.size()), name.data(), static_cast<int>(what.size()), what.data(),
                    address, size, alignment);
  const auto written = static_cast<std::size_t>(length) < sizeof message ? static_cast<std::size_t>(length)
                                                                         : sizeof message - 1;
  const violation v{kind, address, size, alignment, {message, written}};
  const violation_handler to = own.report != nullptr ? own : locked([] { return handler; });
  if (to.report != nullptr)
    to.report(v, to.context);
  else
    print_and_abort(v);
}

} // namespace quarry
