// A recorded program, ready to be replayed.
#pragma once

#include "replay/trace_script.hpp"

#include <filesystem>
#include <string>

namespace quarry_replay {

struct program {
  std::string name; ///< "git" of git.qtrace.xz
  std::size_t events = 0, allocations = 0, peak_live_bytes = 0;
  std::size_t threads = 0;         ///< recorded
  std::size_t threads_at_once = 0; ///< of them, at most
  trace_script script;             ///< all threads' events on one
  threaded_trace_script threaded;  ///< with the threads at once; empty when that is one, or too many

  bool has_threads() const { return !threaded.threads.empty(); }
};

/// Throws trace_error for a file that is no sound trace, and for one that this machine has no memory for.
void check_program(const std::filesystem::path& file);

/// Throws like check_program.
program read_program(const std::filesystem::path& file);

} // namespace quarry_replay
