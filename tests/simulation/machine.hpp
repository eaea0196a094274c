// The modelled machine: cores with clocks, cache lines that travel between them, locks whose waiters sleep.
// It is simulated event by event, always the earliest one first.
#pragma once

#include "costs.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

namespace quarry_simulation {

// What a core spends its time with.
enum class part : std::size_t {
  hot,         // calls that a magazine serves
  cold,        // the library's own work beyond that, and uncontended locks
  class_wait,  // waiting for a class's lock (or a depot's), or waking who does
  source_wait, // the same for the slab source's
  upstream,    // upstream calls, and waiting for the upstream mutex
  lines,       // cache lines on their way from another core
  own_work,    // the program's own work
  idle,        // nothing to do until another core has allocated or freed a block
};
constexpr std::size_t part_count = 8;
using time_spent = std::array<double, part_count>;

constexpr int nobody = -1;

// A cache line that is written. It travels to one core at a time; others queue up for it.
struct line {
  int owner = nobody;
  double free_at = 0;
};

// A mutex. Who finds it taken sleeps until it is unlocked, and then tries anew, so that others may overtake
// it. Whoever unlocks it wakes one sleeper.
struct lock {
  part waits = part::class_wait; // how waiting is accounted for
  line where{};                  // the mutex itself
  int holder = nobody;
  double held_since = 0;
  double held = 0; // so far, in total
  std::deque<int> sleepers{};
};

class machine {
public:
  using action = std::function<void()>;

  // `spinning`: who waits for a lock is there as soon as it is unlocked, and nobody has to be woken.
  machine(int core_count, const costs& c, bool spinning)
      : costs_(c), spinning_(spinning), cores_(static_cast<std::size_t>(core_count)) {}

  const costs& cost() const { return costs_; }
  int core_count() const { return static_cast<int>(cores_.size()); }
  double now(int core) const { return at(core).now; }

  void spend(int core, part on, double ns);
  void touch(int core, line& l);                            // writes it
  void touch(int core, const std::vector<line*>& several);  // lines that do not depend on each other
  void receive(int core, int from, std::size_t line_count); // reads lines that `from` wrote last

  // What the core does next, after what it does now: `what`, with `l` held while it lasts.
  void then(int core, lock& l, action what) { at(core).program.push_back({&l, std::move(what)}); }
  void then(int core, action what) { at(core).program.push_back({nullptr, std::move(what)}); }

  // The core does nothing until it is woken.
  void sleep(int core);
  void wake(int core, double when);

  // From now on the core's time is accounted for; what it has spent before is forgotten.
  void start_accounting(int core);
  const time_spent& spent(int core) const { return at(core).spent; }
  double accounted(int core) const { return at(core).now - at(core).accounted_from; }

  // Runs until `next(core)`, which does the core's next piece of work or asks for it, has said for every core
  // that there is none left.
  void run(const std::function<bool(int)>& next);

  double distance(int from, int to) const;

private:
  struct step {
    lock* needs;
    action what;
  };
  enum class phase { working, arriving, sleeping };
  struct core_state {
    double now = 0, asleep_since = 0, accounted_from = 0;
    phase is = phase::working;
    part waits_on = part::idle;
    lock* holds = nullptr;
    std::deque<step> program;
    time_spent spent{};
  };
  struct event {
    double when;
    int core;
    bool operator>(const event& other) const {
      return when != other.when ? when > other.when : core > other.core;
    }
  };

  core_state& at(int core) { return cores_[static_cast<std::size_t>(core)]; }
  const core_state& at(int core) const { return cores_[static_cast<std::size_t>(core)]; }
  double fetch(int core, line& l);
  void next_step(int core);
  void fall_asleep(int core, part waits_on);
  void unlock(int core);

  const costs costs_;
  const bool spinning_;
  std::vector<core_state> cores_;
  std::priority_queue<event, std::vector<event>, std::greater<>> events_;
};

} // namespace quarry_simulation
