// Every file here adds its workloads to a list; the order here is the order of the table.
#pragma once

#include "../workload.hpp"

#include <filesystem>

namespace quarry_bench {

void add_pair(workload_list& list, effort how_much);
void add_lifo(workload_list& list, effort how_much);
void add_random_order(workload_list& list, effort how_much);
void add_churn(workload_list& list, effort how_much);
void add_map(workload_list& list, effort how_much);
void add_list(workload_list& list, effort how_much);
void add_unordered_map(workload_list& list, effort how_much);
void add_vector(workload_list& list, effort how_much);
void add_walk(workload_list& list, effort how_much);
void add_short_lived(workload_list& list, effort how_much);
void add_over_aligned(workload_list& list, effort how_much);
void add_threaded_churn(workload_list& list, effort how_much);
void add_generations(workload_list& list, effort how_much);
void add_producer_consumer(workload_list& list, effort how_much);
void add_segments(workload_list& list, effort how_much);

void add_traces(workload_list& list, const std::filesystem::path& folder);
void add_threaded_traces(workload_list& list, const std::filesystem::path& folder);

} // namespace quarry_bench
