#include "measure.hpp"

#include "child_process.hpp"
#include "examples/progress_bar.hpp"
#include "ledger_resource.hpp"
#include "write_index.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <stdexcept>

namespace word_index {
namespace {

using path = std::filesystem::path;

/// Everything that the program does, from the files to the sorted index on disk.
summary do_the_work(const std::vector<path>& files, const path& output, std::pmr::memory_resource* memory,
                    examples::progress_bar& bar) {
  summary found;
  const index words =
      build_index(files, memory, found.read, [&](std::size_t done) { bar.show(done, files.size()); });
  write_index(words, files, output);
  found.words = words.size();
  for (const auto& [word, postings] : words) found.postings += postings.size();
  return found;
}

struct run_result {
  summary found;
  costs cost;
};

run_result run(const subject& which, const std::vector<path>& files, const path& output, bool counted,
               const std::string& label) {
  using clock = std::chrono::steady_clock;
  run_result result;
  ledger_resource ledger;
  examples::progress_bar bar(stdout, label, "files");
  const auto start = clock::now();
  which.run(counted ? &ledger : std::pmr::new_delete_resource(), [&](std::pmr::memory_resource* memory) {
    result.found = do_the_work(files, output, memory, bar);
  });
  result.cost.seconds = std::chrono::duration<double>(clock::now() - start).count();
  result.cost.upstream_calls = ledger.calls();
  result.cost.peak_bytes = ledger.peak_bytes();
  return result;
}

run_result run_apart(const subject& which, const std::vector<path>& files, const path& output, int round) {
  const std::string name(which.name);
  const bool counted = round == 0;
  const std::string label = name + (counted ? ", counting" : ", run " + std::to_string(round));
  run_result result;
  std::size_t peak_resident = 0;
  if (!run_in_child([&] { return run(which, files, output, counted, label); }, result, peak_resident))
    throw std::runtime_error("the run on " + name + " failed");
  result.cost.peak_resident = peak_resident;
  return result;
}

/// From one subject's runs: the counted one first, then the timed ones.
costs costs_of(const std::vector<run_result>& runs) {
  costs all = runs.front().cost;
  std::vector<double> seconds;
  all.peak_resident = 0;
  for (auto timed = runs.begin() + 1; timed != runs.end(); ++timed) {
    seconds.push_back(timed->cost.seconds);
    all.peak_resident = std::max(all.peak_resident, timed->cost.peak_resident);
  }
  const auto middle = seconds.begin() + timed_rounds / 2;
  std::nth_element(seconds.begin(), middle, seconds.end());
  all.seconds = *middle;
  return all;
}

} // namespace

std::vector<costs> measure_all(const std::vector<path>& files, const std::vector<path>& outputs,
                               summary& found) {
  std::vector<std::vector<run_result>> runs(std::size(subjects));
  for (int round = 0; round <= timed_rounds; ++round)
    for (std::size_t i = 0; i != runs.size(); ++i)
      runs[i].push_back(run_apart(subjects[i], files, outputs[i], round));
  found = runs.front().front().found;
  std::vector<costs> all;
  for (const auto& each : runs) all.push_back(costs_of(each));
  return all;
}

} // namespace word_index
