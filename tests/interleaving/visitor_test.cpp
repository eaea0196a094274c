// The visitor protocol (src/README.md, SYNCHRONIZATION; thread_magazines::visit, owner_section).
//
// Gone through completely, with stores at once and with store buffers: an owner's hot call and two hot calls,
// each with the cold path that follows when bounds are closed, against one visitor, that waits or skips, and
// against two visitors; three threads at most. What is checked: nobody is inside together with a visitor, no
// block of the magazine is lost or doubled, nobody waits for ever. Not gone through: several owners, which
// share nothing but the pool; more calls in a row; machines that reorder more than x86 does; what the
// compiler may do, which the fences of magazine_set::enter() and the order of its loads are for.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

namespace quarry::test::interleaving {
namespace {

enum : word { busy, open_bounds, visited, registry, top, flushed, pushed, owner_inside, visitor_inside };
enum : register_index { r0, r1 };

struct flaws {
  bool no_barrier = false;         // membarrier does nothing
  bool no_first_look = false;      // the owner's cold path is not shut out before bounds are closed
  bool no_second_look = false;     // bounds are closed, and the visitor goes in
  bool no_look_at_visited = false; // the owner's cold path does not look for visitors
  bool open_after_leaving = false; // bounds are opened when `busy` is 0 again
};

// One block more in the magazine, as push() and put() do it.
void push(program& p) {
  p.note(owner_inside, 1)
      .load(r1, top)
      .add_to_register(r1, 1)
      .store_register(top, r1)
      .note(pushed, 1)
      .note(owner_inside, -1);
}

void hot_call(program& p, const flaws& f, int n) {
  const std::string number = std::to_string(n);
  p.store(busy, 1).load(r0, open_bounds).jump_if(r0, 0, "cold" + number);
  push(p);
  p.store(busy, 0).jump("done" + number);

  p.label("cold" + number).store(busy, 0).store(busy, 1);
  p.label("look" + number);
  if (!f.no_look_at_visited) {
    p.load(r0, visited).jump_if(r0, 0, "in" + number);
    p.store(busy, 0).wait_until(visited, 0).store(busy, 1).jump("look" + number);
  }
  p.label("in" + number);
  push(p);
  if (!f.open_after_leaving) p.store(open_bounds, 1);
  p.store(busy, 0);
  if (f.open_after_leaving) p.store(open_bounds, 1);
  p.label("done" + number);
}

program owner(const flaws& f, int calls) {
  program p;
  for (int n = 0; n < calls; ++n) hot_call(p, f, n);
  return p;
}

enum class when_busy { wait, skip };

void look(program& p, const flaws& f, when_busy how) {
  if (!f.no_barrier) p.membarrier();
  if (how == when_busy::wait) p.wait_until(busy, 0);
  p.load(r0, busy).jump_unless(r0, 0, "out");
}

program visitor(const flaws& f, when_busy how) {
  program p;
  p.lock(registry).store(visited, 1);
  if (!f.no_first_look) look(p, f, how);
  p.store(open_bounds, 0);
  if (!f.no_second_look) look(p, f, how);
  p.note(visitor_inside, 1)
      .load(r1, top)
      .label("flush")
      .jump_if(r1, 0, "empty")
      .add_to_register(r1, -1)
      .note(flushed, 1)
      .jump("flush")
      .label("empty")
      .store(top, 0)
      .note(visitor_inside, -1);
  p.label("out").store(visited, 0).unlock(registry);
  return p;
}

model protocol(const flaws& f, int calls, std::vector<when_busy> visitors, bool open = true) {
  model m;
  m.threads.push_back(owner(f, calls));
  for (const when_busy how : visitors) m.threads.push_back(visitor(f, how));
  m.memory[open_bounds] = open ? 1 : 0;
  m.always = [](const state& s) {
    const bool together = s.memory[visitor_inside] + s.memory[owner_inside] > 1;
    return std::string(together ? "two are inside" : "");
  };
  m.at_the_end = [](const state& s) {
    const bool kept = s.memory[flushed] + s.memory[top] == s.memory[pushed];
    return std::string(kept ? "" : "blocks were lost or doubled");
  };
  return m;
}

class every_order : public ::testing::TestWithParam<stores> {
protected:
  void expect_right(int calls, const std::vector<when_busy>& visitors) {
    for (const bool open : {true, false}) {
      const exploration e = explore(protocol({}, calls, visitors, open), GetParam());
      EXPECT_EQ(e.wrong, "");
      std::cout << e.states << " states\n";
    }
  }
  static bool found(const flaws& f, when_busy how, stores memory) {
    return !explore(protocol(f, 2, {how}, true), memory).wrong.empty() ||
           !explore(protocol(f, 2, {how}, false), memory).wrong.empty();
  }
};
INSTANTIATE_TEST_SUITE_P(visitor, every_order, ::testing::Values(stores::at_once, stores::buffered),
                         [](const auto& how) {
                           return how.param == stores::at_once ? "at_once" : "buffered";
                         });

TEST_P(every_order, visitor_that_waits) { expect_right(2, {when_busy::wait}); }
TEST_P(every_order, visitor_that_skips) { expect_right(2, {when_busy::skip}); }
TEST_P(every_order, two_visitors) { expect_right(2, {when_busy::wait, when_busy::skip}); }

TEST_P(every_order, each_part_of_the_protocol_is_needed) {
  for (const when_busy how : {when_busy::wait, when_busy::skip}) {
    EXPECT_TRUE(found({.no_second_look = true}, how, GetParam()));
    EXPECT_TRUE(found({.no_look_at_visited = true}, how, GetParam()));
    EXPECT_TRUE(found({.no_first_look = true}, how, GetParam()));
    EXPECT_TRUE(found({.open_after_leaving = true}, how, GetParam()));
  }
}

// Only where stores wait in buffers.
TEST(store_buffers, make_the_barrier_needed) {
  for (const when_busy how : {when_busy::wait, when_busy::skip}) {
    EXPECT_NE(explore(protocol({.no_barrier = true}, 2, {how}), stores::buffered).wrong, "");
    EXPECT_EQ(explore(protocol({.no_barrier = true}, 2, {how}), stores::at_once).wrong, "");
  }
}

} // namespace
} // namespace quarry::test::interleaving
