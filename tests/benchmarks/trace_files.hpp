// The traces of a folder, each read when it is first asked for.
#pragma once

#include "preloaded_malloc.hpp"
#include "replay/trace_script.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quarry_bench {

using namespace quarry_replay;

struct trace_file {
  std::string name; // "git" for git.qtrace.xz
  std::filesystem::path path;
};

// In the order of their names; throws quarry_replay::trace_error when there is none.
std::vector<trace_file> trace_files(const std::filesystem::path& folder);

template <auto ScriptOf>
class lazy_script {
public:
  explicit lazy_script(std::filesystem::path file) : file_(std::move(file)) {}
  const auto& get() {
    if (!script_) {
      script_ = ScriptOf(quarry_replay::read_trace(file_));
      give_back_malloc(); // what reading took is not to be found warm by the subject
    }
    return *script_;
  }

private:
  std::filesystem::path file_;
  std::optional<decltype(ScriptOf(quarry_replay::trace{}))> script_;
};

} // namespace quarry_bench
