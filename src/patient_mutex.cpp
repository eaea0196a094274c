#include "patient_mutex.hpp"

#include <sched.h>

namespace quarry::detail {

// With threads that outnumber the cores, what is waited for may be waiting for this core.
void patient_mutex::wait() {
  constexpr int patience = 10;
  for (int i = 0; i < patience; ++i) {
    ::sched_yield();
    if (mutex_.try_lock()) return;
  }
  mutex_.lock();
}

} // namespace quarry::detail
