// A mutex that a pool used by one thread leaves alone. Rung 0.
#pragma once

#include "patient_mutex.hpp"
#include "short_mutex.hpp"

namespace quarry::detail {

/// Locks when `shared`, does nothing otherwise: one core serves both pools, and its cold paths test a flag.
template <class Mutex>
class optional_mutex_of {
public:
  explicit optional_mutex_of(bool shared) noexcept : shared_(shared) {}

  void lock() {
    if (shared_) mutex_.lock();
  }
  void unlock() {
    if (shared_) mutex_.unlock();
  }

private:
  Mutex mutex_;
  const bool shared_;
};

using optional_mutex = optional_mutex_of<short_mutex>;
using optional_patient_mutex = optional_mutex_of<patient_mutex>;

} // namespace quarry::detail
