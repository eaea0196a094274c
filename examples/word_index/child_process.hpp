#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>

namespace word_index {

/// Runs `work` in a process of its own, which fills in the `size` bytes at `result`; false if it failed.
/// `peak_resident` is the most memory that the process had, in bytes, as the kernel counts.
bool run_in_child(const std::function<void()>& work, void* result, std::size_t size,
                  std::size_t& peak_resident);

/// The same for a `work` that returns a plain value.
template <class Work>
bool run_in_child(const Work& work, std::invoke_result_t<Work>& result, std::size_t& peak_resident) {
  static_assert(std::is_trivially_copyable_v<std::invoke_result_t<Work>>);
  return run_in_child([&] { result = work(); }, &result, sizeof result, peak_resident);
}

} // namespace word_index
