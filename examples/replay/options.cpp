#include "options.hpp"

#include <charconv>
#include <string_view>
#include <utility>

namespace quarry_replay {

constexpr std::size_t most_rounds = 1000;

const char* const usage =
    "usage: quarry-replay [--rounds N] [--resource NAME]... [--json] [--svg FILE] TRACE...\n"
    "       quarry-replay --advise [--rounds N] [--json] TRACE...\n"
    "Replays recorded allocations (*.qtrace, *.qtrace.xz) through several memory resources, on one thread\n"
    "and on the recorded ones, and prints what each costs.\n"
    "  --rounds N       each resource is timed N times, in turn with the others; the median counts (5)\n"
    "  --resource NAME  only resources whose name begins with NAME; may be given several times\n"
    "  --json           data in place of the tables\n"
    "  --svg FILE       also draw what each resource holds over time\n"
    "  --advise         find the pool_options and size classes that waste least for these programs\n"
    "  --help           print this\n";

namespace {

using namespace std::string_literals;

std::size_t rounds_in(std::string_view text) {
  std::size_t rounds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rounds);
  if (error != std::errc() || end != text.data() + text.size() || rounds == 0 || rounds > most_rounds)
    throw usage_error("--rounds: a number from 1 to 1000, not " + std::string(text));
  return rounds;
}

// The arguments one by one; an option's value is behind it, or behind a '=' in it.
class arguments {
public:
  arguments(int argc, char** argv) : left_(argv + 1, argv + argc) {}
  bool next() {
    if (inline_value_) throw usage_error(name + " takes no value");
    if (at_ == left_.size()) return false;
    name = left_[at_++];
    if (const auto equals = name.find('='); name.starts_with("--") && equals != name.npos) {
      inline_value_ = name.substr(equals + 1);
      name.resize(equals);
    }
    return true;
  }
  std::string value() {
    if (inline_value_) return *std::exchange(inline_value_, std::nullopt);
    if (at_ == left_.size()) throw usage_error(name + " needs a value");
    return left_[at_++];
  }

  std::string name;

private:
  std::vector<std::string> left_;
  std::size_t at_ = 0;
  std::optional<std::string> inline_value_;
};

void refuse_contradictions(const options& chosen) {
  if (chosen.traces.empty()) throw usage_error("no TRACE; see quarry-replay --help");
  if (chosen.advise && (chosen.svg || !chosen.resources.empty()))
    throw usage_error("--advise goes with neither --svg nor --resource");
  if (chosen.svg && !std::filesystem::is_directory(std::filesystem::absolute(*chosen.svg).parent_path()))
    throw usage_error("no directory for the chart: " + chosen.svg->string());
}

} // namespace

options parse_options(int argc, char** argv) {
  options chosen;
  arguments all(argc, argv);
  bool only_traces = false;
  while (all.next()) {
    if (only_traces || !all.name.starts_with('-'))
      chosen.traces.push_back(all.name);
    else if (all.name == "--")
      only_traces = true;
    else if (all.name == "--help" || all.name == "-h")
      chosen.help = true;
    else if (all.name == "--json")
      chosen.json = true;
    else if (all.name == "--advise")
      chosen.advise = true;
    else if (all.name == "--rounds")
      chosen.rounds = rounds_in(all.value());
    else if (all.name == "--resource")
      chosen.resources.push_back(all.value());
    else if (all.name == "--svg")
      chosen.svg = all.value();
    else
      throw usage_error("unknown option " + all.name + "; see quarry-replay --help");
  }
  if (!chosen.help) refuse_contradictions(chosen);
  return chosen;
}

} // namespace quarry_replay
