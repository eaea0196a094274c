// Ends that race: threads that exit against the destruction of a pool (thread_exit, thread_magazines::retire,
// let_go_of_caches), and the destruction of a segment pool against handles that other threads free or make
// spans of (segment_core::close, segment_front::give, try_free_cold, try_free_orphan, hand_out).
//
// Gone through completely, with stores at once and with store buffers: two threads that exit with a cache
// each while the pool is destroyed; one thread that frees a handle through its cache and one that has none,
// while the segment pool is destroyed; two of the latter; and one of the former with one that makes a span of
// its handle. What is checked: nobody touches a pool or a core that has ended, every block is freed once and
// comes back, the core ends exactly once, nobody waits for ever. Not gone through: spans that are freed,
// regions, more than one handle a thread, observers that hold regions, caches of the same pool that are made
// meanwhile.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::test::interleaving::lifetimes {
namespace {

enum : register_index { r0, r1, freed };

std::string told(bool wrong, const char* what) { return wrong ? what : ""; }

class ends : public ::testing::TestWithParam<stores> {
protected:
  static void expect_right(const model& m) { EXPECT_EQ(explore(m, GetParam()).wrong, ""); }
  static void expect_wrong(const model& m) { EXPECT_NE(explore(m, GetParam()).wrong, ""); }
};
INSTANTIATE_TEST_SUITE_P(every_order, ends, ::testing::Values(stores::at_once, stores::buffered),
                         [](const auto& how) {
                           return how.param == stores::at_once ? "at_once" : "buffered";
                         });

// ---- threads exit, a pool is destroyed

namespace exiting {

enum : word {
  registry,
  leaving,
  pool_ended,
  touched_too_late,
  pool_of_first,
  pool_of_second,
  cached_by_first,
  cached_by_second
};

struct flaws {
  bool nobody_waits = false;   // the destructor does not wait for `leaving`
  bool not_registered = false; // a thread does not count itself
};

program exiting_thread(const flaws& f, word pool, word cached) {
  program p;
  p.lock(registry).load(r0, pool).jump_if(r0, 0, "no_pool");
  if (!f.not_registered) p.load(r1, leaving).add_to_register(r1, 1).store_register(leaving, r1);
  p.unlock(registry);
  // flushing
  p.load(r1, pool_ended).jump_if(r1, 0, "alive").note(touched_too_late, 1).label("alive");
  p.note(cached, -1);
  p.load(r1, pool_ended).jump_if(r1, 0, "still").note(touched_too_late, 1).label("still");
  p.lock(registry);
  if (!f.not_registered) p.load(r1, leaving).add_to_register(r1, -1).store_register(leaving, r1);
  p.label("no_pool").unlock(registry);
  return p;
}

program destructor(const flaws& f) {
  program p;
  p.lock(registry);
  if (!f.nobody_waits)
    p.label("look").load(r0, leaving).jump_if(r0, 0, "none").unlock(registry).lock(registry).jump("look");
  p.label("none").store(pool_of_first, 0).store(pool_of_second, 0).unlock(registry);
  p.store_locked(pool_ended, 1);
  return p;
}

model protocol(const flaws& f) {
  model m;
  m.threads = {exiting_thread(f, pool_of_first, cached_by_first),
               exiting_thread(f, pool_of_second, cached_by_second), destructor(f)};
  for (const word w : {pool_of_first, pool_of_second, cached_by_first, cached_by_second}) m.memory[w] = 1;
  m.always = [](const state& s) {
    return told(s.memory[touched_too_late] != 0, "a thread on its way out touches a pool that has ended");
  };
  return m;
}

} // namespace exiting

TEST_P(ends, of_threads_and_of_their_pool) { expect_right(exiting::protocol({})); }
TEST_P(ends, of_a_pool_wait_for_threads_on_their_way_out) {
  expect_wrong(exiting::protocol({.nobody_waits = true}));
}
TEST_P(ends, of_threads_are_announced) { expect_wrong(exiting::protocol({.not_registered = true})); }

// ---- handles are freed, their segment pool is destroyed

namespace orphan {

enum : word {
  busy,
  bounds_open,
  serves, // the cache of the thread that has one belongs to the pool
  inside,
  orphaned,
  mutex,
  users,
  live_first,
  live_second,
  cached,
  in_slabs,
  ended,
  page_is_anothers, // the cache's, whose thread went on to another pool
  handles_counted,
  touched_too_late
};

struct flaws {
  bool no_barrier = false; // between closing the bounds and looking at `busy`
  bool no_wait_for_inside = false;
  bool no_look_at_orphaned = false;
  bool counted_before_closing = false; // handles are counted while who frees may be inside
  bool exchanged_unlocked = false;     // who frees changes the state while handles are counted
  bool serves_nobody_early = false;    // before the destructor has done with the cache
  bool freed_after_leaving = false;    // who frees hot stores the state when it is no longer busy
  bool uncounted = false;              // who frees before handles are counted does not count itself
};

enum : int { freed_block, of_handle, of_span }; // what a block's state says

void touch_core(program& p, int place) {
  const std::string alive = "alive" + std::to_string(place);
  p.load(r1, ended).jump_if(r1, 0, alive).note(touched_too_late, 1).label(alive);
}

void exchange_state(program& p, word live, const std::string& lost) {
  p.load(r0, live).jump_if(r0, freed_block, lost);
  p.compare_exchange(freed, live, r0, -of_handle).jump_if(freed, 0, lost);
}

void leave_orphan(program& p) {
  touch_core(p, 4);
  p.lock(mutex).load(r0, users).add_to_register(r0, -1).store_register(users, r0).unlock(mutex);
  p.jump_unless(r0, 0, "not_the_last").add_locked(ended, 1).label("not_the_last");
}

void free_cold(program& p, const flaws& f, word live) {
  touch_core(p, 0);
  p.add_locked(inside, 1);
  if (!f.no_look_at_orphaned) p.load(r0, orphaned).jump_unless(r0, 0, "orphan");
  exchange_state(p, live, "leave");
  touch_core(p, 1);
  p.note(in_slabs, 1);
  p.label("leave");
  touch_core(p, 2);
  p.add_locked(inside, -1).jump("done");

  p.label("orphan").add_locked(inside, -1);
  if (!f.exchanged_unlocked) p.lock(mutex);
  exchange_state(p, live, "lost");
  if (!f.uncounted) {
    p.load(r0, handles_counted).jump_unless(r0, 0, "counted");
    p.load(r0, users).add_to_register(r0, 1).store_register(users, r0).label("counted");
  }
  if (!f.exchanged_unlocked) p.unlock(mutex);
  touch_core(p, 3);
  p.note(in_slabs, 1);
  leave_orphan(p);
  p.jump("done").label("lost");
  if (!f.exchanged_unlocked) p.unlock(mutex);
  p.label("done");
}

program frees_cold(const flaws& f, word live) {
  program p;
  free_cold(p, f, live);
  return p;
}

// The state of a handle's block is its own to store.
program frees_hot(const flaws& f, word live) {
  program p;
  p.load(r0, serves).jump_if(r0, 0, "cold").load(r0, live).jump_unless(r0, of_handle, "cold");
  p.store(busy, 1).load(r0, bounds_open).jump_if(r0, 0, "closed");
  p.load(r0, cached).add_to_register(r0, 1).store_register(cached, r0);
  if (f.freed_after_leaving)
    p.store(busy, 0).store(live, freed_block);
  else
    p.store(live, freed_block).store(busy, 0);
  p.jump("end");
  p.label("closed").store(busy, 0);
  p.label("cold");
  free_cold(p, f, live);
  p.label("end");
  // the first call on another pool
  p.load(r0, serves).jump_unless(r0, 0, "keeps").store(page_is_anothers, 1).label("keeps");
  return p;
}

program hands_out(const flaws& f, word live) {
  program p;
  p.add_locked(inside, 1).load(r0, orphaned).jump_unless(r0, 0, "refused");
  p.store(live, of_span).add_locked(inside, -1).jump("handed_out");
  p.label("refused").add_locked(inside, -1);
  free_cold(p, f, live);
  p.label("handed_out");
  return p;
}

void count_users(program& p) {
  p.lock(mutex).load(r0, users);
  for (const word live : {live_first, live_second}) {
    const std::string next = "count" + std::to_string(live);
    p.load(r1, live).jump_unless(r1, of_handle, next).add_to_register(r0, 1).label(next);
  }
  p.store_register(users, r0).store(handles_counted, 1).unlock(mutex);
}

// What is a span's comes back with the pool's end.
void free_spans(program& p) {
  for (const word live : {live_first, live_second}) {
    const std::string next = "free" + std::to_string(live);
    p.load(r1, live).jump_unless(r1, of_span, next);
    p.store_locked(live, freed_block).note(in_slabs, 1).label(next);
  }
}

void touch_page(program& p) {
  p.load(r1, page_is_anothers).jump_if(r1, 0, "its_own").note(touched_too_late, 1).label("its_own");
}

program destructor(const flaws& f) {
  program p;
  p.store_locked(orphaned, 1);
  if (f.counted_before_closing) count_users(p);
  if (!f.no_wait_for_inside) p.wait_until(inside, 0);
  p.store(bounds_open, 0);
  if (!f.no_barrier) p.membarrier();
  p.wait_until(busy, 0);
  // the owner is out: its blocks go to the slabs, and its cache serves nobody
  p.load(r0, cached).label("flush").jump_if(r0, 0, "flushed").add_to_register(r0, -1).note(in_slabs, 1);
  p.jump("flush").label("flushed").store(cached, 0);
  if (f.serves_nobody_early) p.store(serves, 0);
  touch_page(p);
  p.store(serves, 0);
  if (!f.no_wait_for_inside) p.wait_until(inside, 0);
  if (!f.counted_before_closing) count_users(p);
  free_spans(p);
  leave_orphan(p);
  return p;
}

model protocol(const flaws& f, program first, program second) {
  model m;
  m.threads = {std::move(first), std::move(second), destructor(f)};
  for (const word w : {bounds_open, serves, users}) m.memory[w] = 1;
  for (const word w : {live_first, live_second}) m.memory[w] = of_handle;
  m.always = [](const state& s) {
    return told(s.memory[touched_too_late] != 0, "a core that has ended, or another's cache, is touched") +
           told(s.memory[ended] > 1, "the core ends twice");
  };
  m.at_the_end = [](const state& s) {
    return told(s.memory[ended] != 1, "the core never ends") +
           told(s.memory[in_slabs] != 2, "a block did not come back");
  };
  return m;
}

model hot_and_cold(const flaws& f) {
  return protocol(f, frees_hot(f, live_first), frees_cold(f, live_second));
}
model hot_and_handed_out(const flaws& f) {
  return protocol(f, frees_hot(f, live_first), hands_out(f, live_second));
}
model both_cold(const flaws& f) { return protocol(f, frees_cold(f, live_first), frees_cold(f, live_second)); }

} // namespace orphan

TEST_P(ends, of_a_segment_pool_and_of_handles_freed_hot_and_cold) { expect_right(orphan::hot_and_cold({})); }
TEST_P(ends, of_a_segment_pool_and_of_handles_freed_cold) { expect_right(orphan::both_cold({})); }
TEST_P(ends, of_a_segment_pool_and_of_a_handle_that_becomes_a_span) {
  expect_right(orphan::hot_and_handed_out({}));
}
TEST_P(ends, of_a_segment_pool_see_what_was_freed_hot) {
  expect_wrong(orphan::hot_and_cold({.freed_after_leaving = true}));
}
TEST_P(ends, of_a_segment_pool_wait_for_who_is_inside) {
  expect_wrong(orphan::both_cold({.no_wait_for_inside = true}));
}
TEST_P(ends, of_a_segment_pool_are_looked_at_by_who_frees) {
  expect_wrong(orphan::both_cold({.no_look_at_orphaned = true}));
}
TEST_P(ends, of_a_segment_pool_count_while_none_is_freed) {
  expect_wrong(orphan::both_cold({.exchanged_unlocked = true}));
}
TEST_P(ends, of_a_segment_pool_count_who_frees_before_handles_are_counted) {
  expect_wrong(orphan::both_cold({.uncounted = true}));
}
TEST_P(ends, of_a_segment_pool_leave_caches_when_all_is_done) {
  expect_wrong(orphan::hot_and_cold({.serves_nobody_early = true}));
}
TEST_P(ends, of_a_segment_pool_count_when_nobody_is_inside) {
  expect_wrong(orphan::hot_and_cold({.counted_before_closing = true}));
}
TEST(ends_with_store_buffers, need_the_barrier) {
  EXPECT_NE(explore(orphan::hot_and_cold({.no_barrier = true}), stores::buffered).wrong, "");
  EXPECT_EQ(explore(orphan::hot_and_cold({.no_barrier = true}), stores::at_once).wrong, "");
}

} // namespace
} // namespace quarry::test::interleaving::lifetimes
