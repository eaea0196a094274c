// See usage below.
#include "campaign.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace {

using namespace quarry::test;

constexpr const char* usage =
    "fuzz [--seconds N] [--operations N] [--seed N] [--first N] [--subject NAME]... [--progress SECONDS]\n"
    "     runs random scripts on all subjects, or those named, until the time is over or enough was done;\n"
    "     --first begins with the 25 scripts that the N-th is one of\n"
    "fuzz --script N --seed N --subject NAME\n"
    "     runs one of them again, by its number\n"
    "fuzz --replay FILE\n"
    "     runs the script in the file\n"
    "fuzz --subjects\n"
    "     lists the subjects\n"
    "A script that fails is made short and printed; the exit status is then 1.\n";

struct options {
  campaign_options campaign;
  std::string replay, script;
};

[[noreturn]] void explain_usage(const std::string& wrong) {
  std::cerr << "fuzz: " << wrong << "\n" << usage;
  std::exit(2);
}

double number(const std::string& text) {
  char* end;
  const double n = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != 0 || !(n >= 0)) explain_usage("no number: " + text);
  return n;
}

options options_of(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) explain_usage("a value is missing after " + word);
      return argv[i];
    };
    if (word == "--help" || word == "-h") {
      std::cout << usage;
      std::exit(0);
    } else if (word == "--subjects") {
      for (const subject_kind& each : subject_kinds()) std::cout << each.name << '\n';
      std::exit(0);
    } else if (word == "--seconds") {
      o.campaign.seconds = number(value());
    } else if (word == "--operations") {
      o.campaign.operations = number(value());
    } else if (word == "--progress") {
      o.campaign.progress_every = number(value());
    } else if (word == "--seed") {
      o.campaign.seed = static_cast<std::uint64_t>(number(value()));
    } else if (word == "--first") {
      o.campaign.first = static_cast<std::uint64_t>(number(value()));
    } else if (word == "--subject") {
      o.campaign.subjects.push_back(value());
    } else if (word == "--script") {
      o.script = value();
    } else if (word == "--replay") {
      o.replay = value();
    } else {
      explain_usage("unknown: " + word);
    }
  }
  return o;
}

bool replay(const std::string& file) {
  std::ifstream in(file);
  if (!in) explain_usage("can't read " + file);
  std::ostringstream text;
  text << in.rdbuf();
  const script s = from_text(text.str());
  return run_and_explain(s.steps, subject_named(s.subject));
}

bool run(const options& o) {
  if (!o.replay.empty()) return replay(o.replay);
  for (const std::string& name : o.campaign.subjects) (void)subject_named(name);
  if (o.script.empty()) return run_campaign(o.campaign);
  if (o.campaign.subjects.size() != 1) explain_usage("--script needs one --subject");
  const subject_kind& on = subject_named(o.campaign.subjects[0]);
  return run_and_explain(numbered_steps(on, o.campaign.seed, static_cast<std::uint64_t>(number(o.script))),
                         on);
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(options_of(argc, argv)) ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "fuzz: " << e.what() << "\n";
    return 2;
  }
}
