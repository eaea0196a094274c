#include "options.hpp"

#include <functional>
#include <map>
#include <stdexcept>

namespace quarry_bench {

constexpr std::size_t most_rounds = 1000;

const char* const usage =
    "usage: quarry_benchmarks [--rounds N] [--filter REGEX] [--subjects REGEX] [--traces DIR] [--quick]\n"
    "                         [--output DIR] [--file NAME] [--first-round N] [--label NAME]\n"
    "  --filter    only workloads whose name the expression is found in\n"
    "  --subjects  only subjects whose name the expression is found in\n"
    "  --traces    replay the traces of this folder, too\n"
    "  --quick     a tenth of the operations\n"
    "  --output    add the raw results to times.csv in DIR\n"
    "  --file      add them to another file there\n"
    "  --label     record the subject under this name (for processes with another malloc)\n";

options parse_options(int argc, char** argv) {
  options result;
  const std::map<std::string, std::function<void(const std::string&)>> with_value{
      {"--rounds", [&](const std::string& v) { result.rounds = std::stoul(v); }},
      {"--first-round", [&](const std::string& v) { result.first_round = std::stoul(v); }},
      {"--filter", [&](const std::string& v) { result.filter = std::regex(v); }},
      {"--subjects", [&](const std::string& v) { result.subjects = std::regex(v); }},
      {"--traces", [&](const std::string& v) { result.traces = v; }},
      {"--output", [&](const std::string& v) { result.output = v; }},
      {"--file", [&](const std::string& v) { result.file = v; }},
      {"--label", [&](const std::string& v) { result.label = v; }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--quick") {
      result.quick = true;
      continue;
    }
    const auto found = with_value.find(name);
    if (found == with_value.end()) throw std::invalid_argument("unknown option " + name);
    if (++i == argc) throw std::invalid_argument(name + " needs a value");
    try {
      found->second(argv[i]);
    } catch (const std::logic_error&) { // of stoul
      throw std::invalid_argument("bad value for " + name + ": " + argv[i]);
    } catch (const std::regex_error&) {
      throw std::invalid_argument("bad expression for " + name + ": " + argv[i]);
    }
  }
  if (result.rounds == 0 || result.rounds > most_rounds) throw std::invalid_argument("--rounds: 1 to 1000");
  return result;
}

} // namespace quarry_bench
