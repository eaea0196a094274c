#include "short_mutex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace quarry::detail {

namespace {

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

} // namespace

bool short_mutex::try_lock_taken() noexcept {
  constexpr int patience = 20; // a section takes less, if its thread runs
  for (int i = 0; i < patience; ++i) {
    pause();
    if (state_.load(std::memory_order_relaxed) == free && try_lock_once()) return true;
  }
  return false;
}

void short_mutex::sleep_until_locked() noexcept {
  while (state_.exchange(contended, std::memory_order_acquire) != free)
    ::syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, contended, nullptr, nullptr, 0);
}

void short_mutex::wake_one() noexcept {
  ::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

} // namespace quarry::detail
