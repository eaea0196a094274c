#include "membarrier.hpp"

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

void membarrier_all_threads() noexcept { membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED); }

} // namespace quarry::detail
