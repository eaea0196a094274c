// Replays recorded programs through memory resources, and shows what each costs; or says which options and
// size classes would suit them best.
#include "advice_output.hpp"
#include "chart.hpp"
#include "json.hpp"
#include "options.hpp"
#include "tables.hpp"

#include "examples/progress_bar.hpp"
#include "examples/standard_output.hpp"

#include <fstream>
#include <iostream>
#include <new>

namespace quarry_replay {
namespace {

// JSON objects as the elements of one array, tables one after the other.
class output {
public:
  explicit output(bool json) : json_(json) {}
  ~output() {
    if (json_) std::cout << (first_ ? "[]\n" : "]\n");
  }
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  template <class... Shown>
  void show(const program& p, const Shown&... shown) {
    if (json_) std::cout << (first_ ? "[" : ",\n");
    first_ = false;
    json_ ? write_json(std::cout, p, shown...) : write_tables(std::cout, p, shown...);
    std::cout.flush();
  }

private:
  bool json_, first_ = true;
};

// A bar that is one step further with every call.
class steps {
public:
  steps(const std::string& label, std::size_t total) : bar_(stderr, label, "steps"), total_(total) {}
  void operator()() { bar_.show(++done_, total_); }

private:
  examples::progress_bar bar_;
  std::size_t total_, done_ = 0;
};

void advise_on_all(const options& chosen) {
  output out(chosen.json);
  for (const auto& file : chosen.traces) {
    const program p = read_program(file);
    const advice found = [&] {
      steps done(p.name, steps_to_advise(chosen.rounds));
      return advise(p, chosen.rounds, [&] { done(); });
    }();
    out.show(p, found);
  }
}

void replay_all(const options& chosen) {
  const auto subjects = chosen_subjects(chosen.resources);
  output out(chosen.json);
  chart drawn;
  for (const auto& file : chosen.traces) {
    const program p = read_program(file);
    const report measured = [&] {
      steps done(p.name, steps_to_measure(p, subjects, chosen.rounds));
      return measure(p, subjects, chosen.rounds, [&] { done(); });
    }();
    out.show(p, measured);
    drawn.add(p, measured.one_thread.results);
  }
  if (chosen.svg) drawn.write(*chosen.svg);
}

void run(const options& chosen) {
  chosen_subjects(chosen.resources);
  for (const auto& file : chosen.traces) check_program(file); // a bad one is told before the work begins
  chosen.advise ? advise_on_all(chosen) : replay_all(chosen);
}

} // namespace
} // namespace quarry_replay

int main(int argc, char** argv) try {
  const auto chosen = quarry_replay::parse_options(argc, argv);
  if (chosen.help)
    std::cout << quarry_replay::usage;
  else
    quarry_replay::run(chosen);
  examples::finish_standard_output();
  return 0;
} catch (const quarry_replay::usage_error& error) {
  std::cerr << "quarry-replay: " << error.what() << '\n';
  return 2;
} catch (const quarry_replay::trace_error& error) {
  std::cerr << "quarry-replay: " << error.what() << '\n';
  return 2;
} catch (const std::bad_alloc&) {
  std::cerr << "quarry-replay: out of memory\n";
  return 1;
} catch (const std::exception& error) {
  std::cerr << "quarry-replay: " << error.what() << '\n';
  return 1;
}
