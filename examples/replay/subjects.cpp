#include "subjects.hpp"

#include "options.hpp"

#include <quarry/pool_resource.hpp>
#include <quarry/segment_pool.hpp>

#ifdef QUARRY_REPLAY_BOOST
#include "replay/boost_pools.hpp"
#endif

#include <algorithm>

namespace quarry_replay {
namespace {

template <class Pool>
void on_pool(std::pmr::memory_resource* upstream, const use_of_resource& use) {
  Pool pool(upstream);
  use(pool);
}

template <class Pool>
subject pool_subject(const char* name, bool thread_safe) {
  return {name, thread_safe, sizeof(Pool), on_pool<Pool>};
}

void on_segments(std::pmr::memory_resource* upstream, const use_of_resource& use) {
  quarry::segment_pool pool({}, upstream);
  use(pool);
}

void on_upstream_itself(std::pmr::memory_resource* upstream, const use_of_resource& use) { use(*upstream); }

std::string all_names() {
  std::string names;
  for (const auto& each : all_subjects()) names += (names.empty() ? "" : ", ") + each.name;
  return names;
}

} // namespace

const std::vector<subject>& all_subjects() {
  static const std::vector<subject> subjects{
      pool_subject<quarry::unsynchronized_pool_resource>("quarry-unsync", false),
      pool_subject<quarry::synchronized_pool_resource>("quarry-sync", true),
      {"quarry-segments", true, sizeof(quarry::segment_pool), on_segments},
      pool_subject<std::pmr::unsynchronized_pool_resource>("std-unsync", false),
      pool_subject<std::pmr::synchronized_pool_resource>("std-sync", true),
#ifdef QUARRY_REPLAY_BOOST
      pool_subject<boost_unsynchronized_pool>("boost-unsync", false),
      pool_subject<boost_synchronized_pool>("boost-sync", true),
#endif
      {"new-delete", true, 0, on_upstream_itself},
  };
  return subjects;
}

std::vector<subject> chosen_subjects(const std::vector<std::string>& beginnings) {
  if (beginnings.empty()) return all_subjects();
  std::vector<bool> chosen(all_subjects().size(), false);
  for (const auto& beginning : beginnings) {
    bool found = false;
    for (std::size_t i = 0; i < chosen.size(); ++i)
      if (all_subjects()[i].name.starts_with(beginning)) found = chosen[i] = true;
    if (!found) throw usage_error("no resource " + beginning + "; there are " + all_names());
  }
  std::vector<subject> result;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    if (chosen[i]) result.push_back(all_subjects()[i]);
  return result;
}

} // namespace quarry_replay
