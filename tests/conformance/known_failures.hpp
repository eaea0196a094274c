#pragma once

#include <span>
#include <string_view>

namespace quarry::test {

// What a property is drawn from: the standard's words, or what quarry promises beyond them. A std pool that
// lacks the second is not wrong; the list says so all the same.
enum class drawn_from { standard, our_promise };

// A race may be lost or won.
enum class fails { always, at_times };

// A case one of std's pools does not pass. `subject` is "std_unsynchronized", "std_synchronized" or
// "std_both".
struct known_failure {
  std::string_view test; // suite.case
  std::string_view subject;
  drawn_from source;
  fails how_often;
  std::string_view why;
};

// The table for the standard library this is built with.
std::span<const known_failure> known_failures();

// nullptr when `suite` (as GoogleTest names it: "suite/subject") and `name` must pass.
const known_failure* find_known_failure(std::string_view suite, std::string_view name);

// Runs a case. One that is known to fail runs in a process of its own, is shown as "std fails: ...", and
// fails here when it holds after all.
void run_case(void (*holds)());

} // namespace quarry::test
