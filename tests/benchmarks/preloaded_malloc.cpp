#include "preloaded_malloc.hpp"

#include <dlfcn.h>
#include <malloc.h>

#include <cstddef>
#include <stdexcept>

namespace quarry_bench {
namespace {

// Nothing when no such library is loaded.
template <class Function>
Function* function_named(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

using jemalloc_control = int(const char* name, void* old, std::size_t* old_size, void* value,
                             std::size_t size);
constexpr const char* jemalloc_purge_all_arenas = "arena.4096.purge";

} // namespace

void give_back_malloc() {
  malloc_trim(0);
  if (const auto collect = function_named<void(bool)>("mi_collect")) collect(true);
  if (const auto release = function_named<void()>("MallocExtension_ReleaseFreeMemory")) release();
  if (const auto control = function_named<jemalloc_control>("mallctl"))
    if (control(jemalloc_purge_all_arenas, nullptr, nullptr, nullptr, 0) != 0)
      throw std::runtime_error("jemalloc does not purge its arenas");
}

} // namespace quarry_bench
