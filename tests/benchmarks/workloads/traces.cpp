// Every trace of a folder, replayed on one thread in the recorded order, from an empty pool to the last
// event.
#include "../trace_files.hpp"
#include "replay/timing.hpp"
#include "replay/trace_replay.hpp"
#include "workloads.hpp"

#include <memory>

namespace quarry_bench {

void add_traces(workload_list& list, const std::filesystem::path& folder) {
  for (const auto& file : trace_files(folder)) {
    const auto script = std::make_shared<lazy_script<script_of>>(file.path);
    list.push_back(on_one_thread("trace " + file.name, [script](const raw_source auto& from) {
      const trace_script& all = script->get();
      replay_slots slots(all.slot_count);
      const double ns = processor_ns_per(all.operations.size(), [&] { replay(from, all.operations, slots); });
      replay(from, all.never_freed, slots);
      return ns;
    }));
  }
}

} // namespace quarry_bench
