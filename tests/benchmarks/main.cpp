#include "options.hpp"
#include "rounds.hpp"
#include "table.hpp"
#include "workloads/workloads.hpp"

#include <exception>
#include <iostream>

namespace quarry_bench {
namespace {

workload_list all_workloads(const options& wanted) {
  const effort how_much{wanted.quick};
  workload_list list;
  add_pair(list, how_much);
  add_lifo(list, how_much);
  add_random_order(list, how_much);
  add_churn(list, how_much);
  add_map(list, how_much);
  add_list(list, how_much);
  add_unordered_map(list, how_much);
  add_vector(list, how_much);
  add_walk(list, how_much);
  add_short_lived(list, how_much);
  add_over_aligned(list, how_much);
  add_threaded_churn(list, how_much);
  add_generations(list, how_much);
  add_producer_consumer(list, how_much);
  add_segments(list, how_much);
  if (wanted.traces) {
    add_traces(list, *wanted.traces);
    add_threaded_traces(list, *wanted.traces);
  }
  return list;
}

std::vector<subject> wanted_subjects(const options& wanted) {
  std::vector<subject> subjects;
  for (const subject& s : all_subjects())
    if (std::regex_search(s.name, wanted.subjects)) subjects.push_back(s);
  if (!wanted.label.empty()) {
    if (subjects.size() != 1)
      throw std::invalid_argument("--label needs --subjects that chooses exactly one");
    subjects.front().name = wanted.label;
  }
  return subjects;
}

void run(const options& wanted) {
  const auto subjects = wanted_subjects(wanted);
  std::vector<measurement> measured;
  for (const workload& work : all_workloads(wanted)) {
    if (!std::regex_search(work.name, wanted.filter)) continue;
    std::cerr << work.name << '\n';
    const auto now = measure_in_turn(work, subjects, wanted.first_round, wanted.rounds);
    if (wanted.output) append_to_file(now, *wanted.output / wanted.file);
    measured.insert(measured.end(), now.begin(), now.end());
  }
  const summary all(measured);
  write_table(std::cout, all, part::one_thread, "floor");
  write_table(std::cout, all, part::several_threads, "quarry sync");
  write_table(std::cout, all, part::segments, "quarry segments");
}

} // namespace
} // namespace quarry_bench

int main(int argc, char** argv) {
  try {
    quarry_bench::run(quarry_bench::parse_options(argc, argv));
    return 0;
  } catch (const std::invalid_argument& error) {
    std::cerr << "quarry_benchmarks: " << error.what() << '\n' << quarry_bench::usage;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "quarry_benchmarks: " << error.what() << '\n';
    return 1;
  }
}
