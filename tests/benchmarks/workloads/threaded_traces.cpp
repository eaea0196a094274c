// The traces of programs with several threads, each replayed by a thread of its own. A thread that comes to
// free a block which its allocator has not reached yet waits for it; no other order between the threads is
// kept.
#include "../trace_files.hpp"
#include "replay/crew.hpp"
#include "replay/trace_replay.hpp"
#include "workloads.hpp"

#include <memory>

namespace quarry_bench {

void add_threaded_traces(workload_list& list, const std::filesystem::path& folder) {
  for (const auto& file : trace_files(folder)) {
    const auto script = std::make_shared<lazy_script<threaded_script_of>>(file.path);
    list.push_back(on_threads(
        "threaded trace " + file.name, [script](const raw_source auto& from) -> std::optional<double> {
          const threaded_trace_script& all = script->get();
          if (all.threads.size() == 1) return {};
          shared_replay_slots shared(all.shared_slot_count);
          const double ns = together_ns_per(all.operation_count, all.threads.size(), [&](std::size_t index) {
            const auto& own = all.threads[index];
            return [&, slots = thread_replay_slots(own.slot_count, shared)]() mutable {
              replay(from, own.operations, slots);
            };
          });
          replay(from, all.never_freed, shared);
          return ns;
        }));
  }
}

} // namespace quarry_bench
