#pragma once

#include <cstddef>
#include <functional>
#include <memory_resource>
#include <string>
#include <vector>

namespace quarry_replay {

/// What is done with a resource that lives for the length of the call.
using use_of_resource = std::function<void(std::pmr::memory_resource&)>;

struct subject {
  std::string name;
  bool thread_safe;
  std::size_t object_bytes; ///< of the resource itself
  std::function<void(std::pmr::memory_resource* upstream, const use_of_resource& use)> with_fresh;
};

/// Every resource there is here.
const std::vector<subject>& all_subjects();

/// Those whose name begins with one of `beginnings`, all when there are none; throws usage_error for one that
/// no name begins with.
std::vector<subject> chosen_subjects(const std::vector<std::string>& beginnings);

} // namespace quarry_replay
