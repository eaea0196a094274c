// A workload: a name, and how many nanoseconds one operation of it takes on a subject.
#pragma once

#include "results.hpp"
#include "subjects.hpp"

#include "replay/timing.hpp"

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quarry_bench {

using namespace quarry_replay; // what is shared with it: timing, threads, traces

struct workload {
  std::string name;
  part shown_in;
  std::function<std::optional<double>(const subject&)> run; // nothing when the subject cannot do this one
};

using workload_list = std::vector<workload>;

// A full run, or a quick one of a tenth of the operations.
struct effort {
  bool quick = false;
  std::size_t operations(std::size_t full) const { return quick ? full / 10 : full; }
};

// The body is a generic lambda over the sources it can use, returning nanoseconds per operation.
template <class Body>
std::optional<double> run_on_fresh(const subject& s, const Body& body) {
  std::optional<double> ns;
  s.with_fresh(std::pmr::new_delete_resource(), [&](const source& fresh) {
    std::visit(
        [&]<class Source>(const Source& from) {
          if constexpr (std::invocable<const Body&, const Source&>) ns = body(from);
        },
        fresh);
  });
  return ns;
}

template <class Body>
workload on_one_thread(std::string name, Body body) {
  return {std::move(name), part::one_thread, [body](const subject& s) { return run_on_fresh(s, body); }};
}

template <class Body>
workload on_threads(std::string name, Body body) {
  return {std::move(name), part::several_threads, [body](const subject& s) {
            return s.thread_safe ? run_on_fresh(s, body) : std::optional<double>{};
          }};
}

} // namespace quarry_bench
