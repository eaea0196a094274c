// A recursive mutex for sections that may call the system. Rung 0.
#pragma once

#include <mutex>

namespace quarry::detail {

/// Who has to wait lets other threads run a few times before it sleeps: most of these sections are over
/// before a thread that sleeps would be awake again.
class patient_mutex {
public:
  void lock() {
    if (!mutex_.try_lock()) wait();
  }
  void unlock() noexcept { mutex_.unlock(); }

private:
  void wait();

  std::recursive_mutex mutex_;
};

} // namespace quarry::detail
