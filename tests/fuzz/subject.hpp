#pragma once

// What scripts are run on: a resource with everything around it, and the model of what it must look like.
#include "script.hpp"

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace quarry::test {

// How a subject says that what it has is not what it should have.
inline void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

// What a script's `drain INDEX COUNT` frees: at strides that are about random.
template <class Live, class Free>
void drain(const Live& live, std::size_t index, std::size_t count, Free free) {
  for (std::size_t i = 0; i < count && !live.empty(); ++i) {
    free(index % live.size());
    index = index * 5 + 12'345;
  }
}

class subject {
public:
  virtual ~subject() = default;

  // Each of these throws std::logic_error when something is not as the model says.
  virtual void run(const step& s) = 0;
  virtual void check() = 0;          // the invariants; no thread is inside
  virtual void check_payloads() = 0; // every live block
  virtual void end() = 0;            // frees everything; the last call

  std::size_t operations() const { return operations_; }

protected:
  std::size_t operations_ = 0; // calls made of the resource
};

struct subject_kind {
  std::string_view name;
  std::size_t long_steps; // of a long script, so that it takes a second or a few
  std::unique_ptr<subject> (*make)();
  steps (*random_steps)(std::size_t seed, std::size_t count, pace p);
  steps (*steps_of)(std::span<const std::uint8_t> bytes);
};

std::span<const subject_kind> pool_kinds(), resource_kinds(), segment_kinds(), chain_kinds();
std::span<const subject_kind> subject_kinds();            // all of them
const subject_kind& subject_named(std::string_view name); // throws std::invalid_argument

} // namespace quarry::test
