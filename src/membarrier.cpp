#include "membarrier.hpp"

#include <cstdio>
#include <cstdlib>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace quarry::detail {

namespace {

long membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0); }

} // namespace

bool membarrier_works() noexcept {
  static const bool works = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  return works;
}

// Before there are threads: in a process that has some, registering takes about 10 ms.
[[maybe_unused]] const bool asked_early = membarrier_works();

// It can only fail where it was forbidden later, by a seccomp filter for one. Who goes on then may take
// blocks from a thread that is using them.
void membarrier_all_threads() noexcept {
  if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) return;
  std::fputs("quarry: membarrier, which worked when the process started, is forbidden now\n", stderr);
  std::abort();
}

} // namespace quarry::detail
