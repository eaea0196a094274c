#include "measure.hpp"

#include "child_process.hpp"
#include "ledger_resource.hpp"
#include "progress_bar.hpp"
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
                    progress_bar& bar) {
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
  progress_bar bar(label);
  const auto start = clock::now();
  which.run(counted ? &ledger : std::pmr::new_delete_resource(), [&](std::pmr::memory_resource* memory) {
    result.found = do_the_work(files, output, memory, bar);
  });
  result.cost.seconds = std::chrono::duration<double>(clock::now() - start).count();
  result.cost.upstream_calls = ledger.calls();
  result.cost.peak_bytes = ledger.peak_bytes();
  return result;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

} // namespace

std::vector<costs> measure_all(const std::vector<path>& files, const std::vector<path>& outputs,
                               summary& found) {
  std::vector<costs> all(std::size(subjects));
  std::vector<std::vector<double>> seconds(std::size(subjects));
  for (int round = 0; round <= timed_rounds; ++round) {
    for (std::size_t i = 0; i != std::size(subjects); ++i) {
      const std::string name(subjects[i].name);
      const std::string label =
          name + ", round " + std::to_string(round) + " of " + std::to_string(timed_rounds);
      const bool counted = round == 0;
      run_result result;
      std::size_t peak_resident = 0;
      if (!run_in_child([&] { return run(subjects[i], files, outputs[i], counted, label); }, result,
                        peak_resident))
        throw std::runtime_error("the run on " + name + " failed");
      found = result.found;
      if (counted) {
        all[i] = result.cost;
      } else {
        seconds[i].push_back(result.cost.seconds);
        all[i].peak_resident = std::max(all[i].peak_resident, peak_resident);
      }
    }
  }
  for (std::size_t i = 0; i != all.size(); ++i) all[i].seconds = median(seconds[i]);
  return all;
}

} // namespace word_index
