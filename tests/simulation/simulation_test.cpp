// Whether the simulation itself can be right: what must hold on any machine and for any costs.
#include "simulation.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace {

using namespace quarry_simulation;

constexpr std::size_t operations = 3000;

workload made_up(int which, int cores) {
  if (which == 0) return local_churn(cores, operations);
  return which == 1 ? producer_consumer(cores, operations) : generations(cores, operations);
}

double waited(const outcome& o) {
  return o.share(part::class_wait) + o.share(part::source_wait) + o.share(part::lines) + o.share(part::idle);
}

// Named by which design and which workload.
class every_design_and_workload : public testing::TestWithParam<std::tuple<std::size_t, int>> {
protected:
  outcome run(int cores) const {
    return simulate(made_up(std::get<1>(GetParam()), cores), designs[std::get<0>(GetParam())], costs{});
  }
};

INSTANTIATE_TEST_SUITE_P(simulation, every_design_and_workload,
                         testing::Combine(testing::Range<std::size_t>(0, designs.size()),
                                          testing::Range(0, 3)));

TEST_P(every_design_and_workload, one_core_never_waits) {
  const outcome o = run(1);
  EXPECT_EQ(waited(o), 0);
  EXPECT_GT(o.share(part::hot), 0);
}

TEST_P(every_design_and_workload, time_is_spent_once) {
  const outcome o = run(16);
  EXPECT_NEAR(std::accumulate(o.spent.begin(), o.spent.end(), 0.0), o.core_time, o.core_time * 1e-9);
}

TEST_P(every_design_and_workload, no_lock_is_held_for_longer_than_the_time_there_is) {
  const outcome o = run(16);
  EXPECT_GT(o.highest_lock_utilisation, 0);
  EXPECT_LE(o.highest_lock_utilisation, 1);
}

TEST_P(every_design_and_workload, no_block_is_lost) {
  const outcome o = run(16);
  EXPECT_EQ(o.counted.taken_from_slabs, o.counted.in_magazines + o.counted.in_depots + o.blocks_in_use);
  EXPECT_EQ(o.counted.in_depots != 0, designs[std::get<0>(GetParam())].depot);
}

TEST_P(every_design_and_workload, runs_the_same_again) { EXPECT_EQ(run(4).core_time, run(4).core_time); }

TEST(simulation, cores_that_share_nothing_but_the_pool_are_not_faster_than_one_alone) {
  for (const design& d : designs)
    EXPECT_LT(simulate(local_churn(16, operations), d, costs{}).operations_per_us_and_core(),
              simulate(local_churn(1, operations), d, costs{}).operations_per_us_and_core())
        << d.name;
}

// ---- the machine
// -------------------------------------------------------------------------------------------

// Each core takes the lock `turns` times and does 100 ns of work with it.
double time_for(int cores, int turns, bool spinning) {
  machine m(cores, costs{}, spinning);
  lock l;
  std::vector<int> left(static_cast<std::size_t>(cores), turns);
  m.run([&](int core) {
    if (left[static_cast<std::size_t>(core)]-- == 0) return false;
    m.then(core, l, [&m, core] { m.spend(core, part::cold, 100); });
    return true;
  });
  double longest = 0;
  for (int core = 0; core < cores; ++core) longest = std::max(longest, m.now(core));
  EXPECT_NEAR(l.held, 100.0 * turns * cores, 1e-6);
  EXPECT_LE(l.held, longest);
  return longest;
}

TEST(machine, a_lock_serves_one_core_at_a_time) {
  EXPECT_EQ(time_for(1, 50, false), 50 * (costs{}.lock + 100));
  EXPECT_GE(time_for(4, 50, true), 4 * 50 * 100);
}

TEST(machine, sleeping_takes_longer_than_spinning) {
  EXPECT_GT(time_for(4, 50, false), time_for(4, 50, true));
}

TEST(machine, a_line_travels_only_when_another_core_had_it) {
  machine m(2, costs{}, false);
  line l;
  m.touch(0, l);
  m.touch(0, l);
  EXPECT_EQ(m.now(0), 0);
  m.touch(1, l);
  EXPECT_EQ(m.now(1), costs{}.near_line);
}

TEST(machine, a_line_goes_to_one_core_after_the_other) {
  machine m(3, costs{}, false);
  line l;
  for (int core = 0; core < 3; ++core) m.touch(core, l);
  EXPECT_EQ(m.now(2), 2 * costs{}.near_line);
}

TEST(machine, farther_cores_are_farther) {
  const machine m(128, costs{}, false);
  EXPECT_EQ(m.distance(3, 3), 0);
  EXPECT_LT(m.distance(0, 7), m.distance(0, 8));
  EXPECT_LT(m.distance(0, 63), m.distance(0, 64));
}

// ---- the recorded workload
// ---------------------------------------------------------------------------------

quarry_replay::trace two_threads() {
  quarry_replay::trace t;
  t.thread_count = 2;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    t.blocks.push_back({16 + i % 512, 3});
    t.events.push_back({i, 0, 0});
    if (i >= 10) t.events.push_back({i - 10, 1, 1}); // freed by the other thread
  }
  return t;
}

TEST(replicated_trace, each_core_frees_what_another_one_allocated) {
  const workload w = replicated(two_threads(), 4, 2000);
  std::vector<std::size_t> allocated_on(w.block_count);
  for (std::size_t core = 0; core < 4; ++core)
    for (const operation& op : w.cores[core])
      if (op.what == operation::kind::allocate) allocated_on[op.block] = core;
  std::size_t freed = 0;
  for (std::size_t core = 0; core < 4; ++core)
    for (const operation& op : w.cores[core])
      if (op.what == operation::kind::deallocate) {
        EXPECT_NE(allocated_on[op.block], core);
        ++freed;
      }
  EXPECT_EQ(freed, 4u * 990);
}

TEST(replicated_trace, no_block_is_lost) {
  const workload w = replicated(two_threads(), 8, 1500);
  for (const design& d : designs) {
    const outcome o = simulate(w, d, costs{});
    EXPECT_EQ(o.counted.taken_from_slabs, o.counted.in_magazines + o.counted.in_depots + o.blocks_in_use)
        << d.name;
  }
}

} // namespace
