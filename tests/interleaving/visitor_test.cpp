// The visitor protocol (src/README.md, SYNCHRONIZATION; thread_magazines::visit, owner_section).
//
// Gone through completely, with stores at once and with store buffers: an owner's hot call and two hot calls,
// each with the cold path that follows when bounds are closed, against one visitor, that waits or skips, and
// against two visitors; and two owners' calls, of a cache each, against one visitor of both; three threads at
// most. What is checked: nobody is inside together with a visitor, who waits comes to visit, no block of a
// magazine is lost or doubled, nobody waits for ever. Not gone through: more caches; more calls in a row;
// machines that reorder more than x86 does; what the compiler may do, which the fences of
// magazine_set::enter() and the order of its loads are for.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

namespace quarry::test::interleaving::visitor {
namespace {

constexpr std::size_t most_caches = 2;
// Those of a cache come once for each.
enum : word {
  busy,
  open_bounds = busy + most_caches,
  visited = open_bounds + most_caches,
  top = visited + most_caches,
  owner_inside = top + most_caches,
  visitor_inside = owner_inside + most_caches,
  registry = visitor_inside + most_caches,
  flushed,
  pushed,
  visits,
  words_used
};
static_assert(words_used <= word_count);
enum : register_index {
  r0,
  r1,
  some_were_opened,
  owner_is_out,
  was_opened = owner_is_out + most_caches,
  registers_used = was_opened + most_caches
};
static_assert(registers_used <= register_count);

struct flaws {
  bool no_barrier = false;         // membarrier does nothing
  bool no_look = false;            // bounds are closed, and the visitor goes in
  bool no_look_at_bounds = false;  // nor does it see that the owner opened them again
  bool no_second_close = false;    // it sees it, and leaves them open
  bool no_second_barrier = false;  // closed twice, with one barrier
  bool no_second_look = false;     // and the visitor goes in
  bool no_look_at_visited = false; // the owner's cold path does not look for visitors
  bool looks_again = false;        // who waited looks once more, and goes by that
  bool open_after_leaving = false; // bounds are opened when `busy` is 0 again
};

// One block more in the magazine, as push() and put() do it.
void push(program& p, std::size_t cache) {
  p.note(owner_inside + cache, 1)
      .load(r1, top + cache)
      .add_to_register(r1, 1)
      .store_register(top + cache, r1)
      .note(pushed, 1)
      .note(owner_inside + cache, -1);
}

void hot_call(program& p, const flaws& f, int n, std::size_t cache) {
  const std::string number = std::to_string(n);
  p.store(busy + cache, 1).load(r0, open_bounds + cache).jump_if(r0, 0, "cold" + number);
  push(p, cache);
  p.store(busy + cache, 0).jump("done" + number);

  p.label("cold" + number).store(busy + cache, 0).store(busy + cache, 1);
  p.label("look" + number);
  if (!f.no_look_at_visited) {
    p.load(r0, visited + cache).jump_if(r0, 0, "in" + number);
    p.store(busy + cache, 0).wait_until(visited + cache, 0).store(busy + cache, 1).jump("look" + number);
  }
  p.label("in" + number);
  push(p, cache);
  if (!f.open_after_leaving) p.store(open_bounds + cache, 1);
  p.store(busy + cache, 0);
  if (f.open_after_leaving) p.store(open_bounds + cache, 1);
  p.label("done" + number);
}

program owner(const flaws& f, int calls, std::size_t cache) {
  program p;
  for (int n = 0; n < calls; ++n) hot_call(p, f, n, cache);
  return p;
}

enum class when_busy { wait, skip };

// Jumps when the owner is inside.
void look(program& p, const flaws& f, when_busy how, std::size_t cache, const std::string& inside) {
  if (how == when_busy::wait) p.wait_until(busy + cache, 0);
  if (how == when_busy::skip || f.looks_again) p.load(r0, busy + cache).jump_unless(r0, 0, inside);
}

void flush(program& p, std::size_t cache) {
  const std::string number = std::to_string(cache);
  p.note(visitor_inside + cache, 1)
      .note(visits, 1)
      .load(r1, top + cache)
      .label("flush" + number)
      .jump_if(r1, 0, "empty" + number)
      .add_to_register(r1, -1)
      .note(flushed, 1)
      .jump("flush" + number)
      .label("empty" + number)
      .store(top + cache, 0)
      .note(visitor_inside + cache, -1);
}

void set(program& p, register_index index) {
  p.compute([index](registers& r) { r[index] = 1; });
}

// Whether the owner is out, and whether it opened the bounds again before.
void look_at(program& p, const flaws& f, when_busy how, std::size_t cache) {
  const std::string seen = "seen" + std::to_string(cache);
  if (!f.no_look) look(p, f, how, cache, seen);
  set(p, owner_is_out + cache);
  if (!f.no_look_at_bounds) {
    p.load(r0, open_bounds + cache).jump_if(r0, 0, seen);
    set(p, was_opened + cache);
    set(p, some_were_opened);
    if (!f.no_second_close) p.store(open_bounds + cache, 0);
  }
  p.label(seen);
}

// All caches by one barrier, or two.
program visitor(const flaws& f, when_busy how, std::size_t caches) {
  program p;
  p.lock(registry);
  for (std::size_t cache = 0; cache < caches; ++cache)
    p.store(visited + cache, 1).store(open_bounds + cache, 0);
  if (!f.no_barrier) p.membarrier();
  for (std::size_t cache = 0; cache < caches; ++cache) look_at(p, f, how, cache);
  p.jump_if(some_were_opened, 0, "closed");
  if (!f.no_barrier && !f.no_second_barrier) p.membarrier();
  p.label("closed");
  for (std::size_t cache = 0; cache < caches; ++cache) {
    const std::string number = std::to_string(cache);
    p.jump_if(owner_is_out + cache, 0, "out" + number).jump_if(was_opened + cache, 0, "in" + number);
    if (!f.no_second_look) look(p, f, how, cache, "out" + number);
    p.label("in" + number);
    flush(p, cache);
    p.label("out" + number).store(visited + cache, 0);
  }
  p.unlock(registry);
  return p;
}

// With an owner for each cache.
model protocol(const flaws& f, int calls, std::vector<when_busy> visitors, bool open = true,
               std::size_t caches = 1) {
  model m;
  for (std::size_t cache = 0; cache < caches; ++cache) {
    m.threads.push_back(owner(f, calls, cache));
    m.memory[open_bounds + cache] = open ? 1 : 0;
  }
  for (const when_busy how : visitors) m.threads.push_back(visitor(f, how, caches));
  m.always = [](const state& s) {
    bool together = false;
    for (std::size_t cache = 0; cache < most_caches; ++cache)
      together = together || s.memory[visitor_inside + cache] + s.memory[owner_inside + cache] > 1;
    return std::string(together ? "two are inside" : "");
  };
  const int due = static_cast<int>(caches) * static_cast<int>(std::ranges::count(visitors, when_busy::wait));
  m.at_the_end = [due](const state& s) {
    int kept = s.memory[flushed];
    for (std::size_t cache = 0; cache < most_caches; ++cache) kept += s.memory[top + cache];
    if (s.memory[visits] < due) return std::string("who waits did not visit");
    return std::string(kept == s.memory[pushed] ? "" : "blocks were lost or doubled");
  };
  return m;
}

class every_order : public ::testing::TestWithParam<stores> {
protected:
  void expect_right(int calls, const std::vector<when_busy>& visitors, std::size_t caches = 1) {
    for (const bool open : {true, false}) {
      const exploration e = explore(protocol({}, calls, visitors, open, caches), GetParam());
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

TEST_P(every_order, two_caches_and_a_visitor_that_waits) { expect_right(1, {when_busy::wait}, 2); }
TEST_P(every_order, two_caches_and_a_visitor_that_skips) { expect_right(1, {when_busy::skip}, 2); }

TEST_P(every_order, each_part_of_the_protocol_is_needed) {
  for (const when_busy how : {when_busy::wait, when_busy::skip}) {
    EXPECT_TRUE(found({.no_look = true}, how, GetParam()));
    EXPECT_TRUE(found({.no_look_at_bounds = true}, how, GetParam()));
    EXPECT_TRUE(found({.no_second_close = true}, how, GetParam()));
    EXPECT_TRUE(found({.no_second_look = true}, how, GetParam()));
    EXPECT_TRUE(found({.no_look_at_visited = true}, how, GetParam()));
    EXPECT_TRUE(found({.open_after_leaving = true}, how, GetParam()));
  }
}

TEST_P(every_order, who_waited_need_not_look_again) {
  EXPECT_TRUE(found({.looks_again = true}, when_busy::wait, GetParam()));
}

// Only where stores wait in buffers.
TEST(store_buffers, make_the_barriers_needed) {
  for (const when_busy how : {when_busy::wait, when_busy::skip}) {
    EXPECT_NE(explore(protocol({.no_barrier = true}, 2, {how}), stores::buffered).wrong, "");
    EXPECT_EQ(explore(protocol({.no_barrier = true}, 2, {how}), stores::at_once).wrong, "");
    EXPECT_NE(explore(protocol({.no_second_barrier = true}, 2, {how}, false), stores::buffered).wrong, "");
    EXPECT_EQ(explore(protocol({.no_second_barrier = true}, 2, {how}, false), stores::at_once).wrong, "");
  }
}

} // namespace
} // namespace quarry::test::interleaving::visitor
