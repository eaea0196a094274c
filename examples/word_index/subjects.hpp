#pragma once

#include <quarry/pool_resource.hpp>

#include <functional>
#include <memory_resource>
#include <string_view>

namespace word_index {

using job = std::function<void(std::pmr::memory_resource*)>;

template <class Pool>
void on_pool(std::pmr::memory_resource* upstream, const job& work) {
  Pool pool(upstream);
  work(&pool);
}

inline void without_pool(std::pmr::memory_resource* upstream, const job& work) { work(upstream); }

/// A way to give the program its memory.
struct subject {
  std::string_view name;
  void (*run)(std::pmr::memory_resource* upstream, const job& work);
};

inline constexpr subject subjects[] = {
    {"quarry", on_pool<quarry::synchronized_pool_resource>},
    {"std's pool", on_pool<std::pmr::synchronized_pool_resource>},
    {"new/delete", without_pool},
};

} // namespace word_index
