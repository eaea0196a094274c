#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace quarry_simulation {
namespace {

constexpr int cores_near = 8; // that share a last-level cache
constexpr int cores_of_socket = 64;
constexpr std::size_t lines_at_once = 4; // transfers that do not depend on each other overlap

double as_many_at_once(double sum, double longest) {
  return std::max(longest, sum / static_cast<double>(lines_at_once));
}

} // namespace

double machine::distance(int from, int to) const {
  if (from == to || from == nobody) return 0;
  if (from / cores_near == to / cores_near) return costs_.near_line;
  return from / cores_of_socket == to / cores_of_socket ? costs_.far_line : costs_.other_socket_line;
}

void machine::spend(int core, part on, double ns) {
  core_state& c = at(core);
  c.now += ns;
  c.spent[static_cast<std::size_t>(on)] += ns;
}

// When the line will be here.
double machine::fetch(int core, line& l) {
  if (l.owner == core) return now(core);
  l.free_at = std::max(now(core), l.free_at) + distance(l.owner, core);
  l.owner = core;
  return l.free_at;
}

void machine::touch(int core, line& l) { spend(core, part::lines, fetch(core, l) - now(core)); }

void machine::touch(int core, const std::vector<line*>& several) {
  double sum = 0, longest = 0;
  for (line* const l : several) {
    const double takes = fetch(core, *l) - now(core);
    sum += takes;
    longest = std::max(longest, takes);
  }
  spend(core, part::lines, as_many_at_once(sum, longest));
}

void machine::receive(int core, int from, std::size_t line_count) {
  const double each = distance(from, core);
  spend(core, part::lines, as_many_at_once(each * static_cast<double>(line_count), each));
}

void machine::start_accounting(int core) {
  core_state& c = at(core);
  c.spent = {};
  c.accounted_from = c.now;
}

// ---- sleeping
// ----------------------------------------------------------------------------------------------

void machine::fall_asleep(int core, part waits_on) {
  core_state& c = at(core);
  c.is = phase::sleeping;
  c.waits_on = waits_on;
  c.asleep_since = c.now;
}

void machine::sleep(int core) { fall_asleep(core, part::idle); }

void machine::wake(int core, double when) {
  core_state& c = at(core);
  c.is = phase::working;
  spend(core, c.waits_on, std::max(when, c.now) - c.now);
  events_.push({c.now, core});
}

// ---- events
// ------------------------------------------------------------------------------------------------

void machine::unlock(int core) {
  lock& l = *std::exchange(at(core).holds, nullptr);
  l.held += now(core) - l.held_since;
  l.holder = nobody;
  touch(core, l.where);
  if (l.sleepers.empty()) return;
  const int sleeper = l.sleepers.front();
  l.sleepers.pop_front();
  if (spinning_) return wake(sleeper, now(core));
  spend(core, l.waits, costs_.wake_call);
  wake(sleeper, now(core) + costs_.wake_latency);
}

// A locked step takes two events: the mutex's line comes, then the mutex is looked at.
void machine::next_step(int core) {
  core_state& c = at(core);
  lock* const l = c.program.front().needs;
  if (l != nullptr && c.is == phase::working) {
    spend(core, part::cold, costs_.lock);
    touch(core, l->where);
    c.is = phase::arriving;
    return;
  }
  c.is = phase::working;
  if (l != nullptr) {
    if (l->holder != nobody) {
      l->sleepers.push_back(core);
      return fall_asleep(core, l->waits);
    }
    l->holder = core;
    l->held_since = c.now;
    c.holds = l;
  }
  const step s = std::move(c.program.front());
  c.program.pop_front();
  s.what();
}

void machine::run(const std::function<bool(int)>& next) {
  for (int core = 0; core < core_count(); ++core) events_.push({now(core), core});
  while (!events_.empty()) {
    const int core = events_.top().core;
    events_.pop();
    core_state& c = at(core);
    if (c.holds != nullptr) {
      unlock(core);
    } else if (!c.program.empty()) {
      next_step(core);
    } else if (!next(core)) {
      continue;
    }
    if (c.is != phase::sleeping) events_.push({c.now, core});
  }
}

} // namespace quarry_simulation
