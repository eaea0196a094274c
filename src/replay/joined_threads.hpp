// Threads of a trace that never lived at the same time, made one: a program that starts short-lived threads
// has more thread numbers than it ever had threads, and a replay should not have more either.
#pragma once

#include "trace.hpp"

namespace quarry_replay {

// The same events, with as few thread numbers as there were threads at a time. A thread lives from its first
// event to its last.
trace with_threads_joined(trace recorded);

} // namespace quarry_replay
