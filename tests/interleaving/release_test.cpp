// How release() has a pool for itself (src/thread_call.hpp).
//
// Gone through completely, with stores at once and with store buffers: a thread with a cache that makes two
// calls, one of which leads back into the pool, a thread without a cache, and one on its way out, against one
// that releases. What is checked: nobody works on the pool beside who has it alone, nobody waits for ever.
// Not gone through: two that release, which are one at a time by an exchange.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::test::interleaving::release {
namespace {

enum : word { closed, calls, calls_without_cache, registry, leaving, at_work, alone, words_used };
static_assert(words_used <= word_count);
enum : register_index { r0, r1 };

struct flaws {
  bool no_barrier = false;          // membarrier does nothing
  bool no_look = false;             // who calls does not look whether the pool is closed
  bool no_wait = false;             // who releases does not wait for the others
  bool inner_calls_wait = false;    // calls from within a call wait as others
  bool leaves_unregistered = false; // who is on its way out does not say so
};

void work(program& p) { p.note(at_work, 1).note(at_work, -1); }

void begin_cached(program& p) { p.load(r0, calls).add_to_register(r0, 1).store_register(calls, r0); }
void end_cached(program& p) { p.load(r0, calls).add_to_register(r0, -1).store_register(calls, r0); }

// Within the first call is another one.
program with_a_cache(const flaws& f) {
  program p;
  for (const std::string n : {"0", "1"}) {
    p.label("again" + n);
    begin_cached(p);
    if (!f.no_look) {
      p.load(r1, closed).jump_if(r1, 0, "in" + n);
      end_cached(p);
      p.wait_until(closed, 0).jump("again" + n);
    }
    p.label("in" + n);
    work(p);
    if (n == "0") {
      begin_cached(p);
      if (f.inner_calls_wait) p.wait_until(closed, 0);
      work(p);
      end_cached(p);
    }
    end_cached(p);
  }
  return p;
}

program without_a_cache(const flaws& f) {
  program p;
  p.label("again").add_locked(calls_without_cache, 1);
  if (!f.no_look) {
    p.load(r0, closed).jump_if(r0, 0, "in");
    p.add_locked(calls_without_cache, -1).wait_until(closed, 0).jump("again");
  }
  p.label("in");
  work(p);
  p.add_locked(calls_without_cache, -1);
  return p;
}

void add_under_lock(program& p, word w, int more) {
  p.load(r1, w).add_to_register(r1, more).store_register(w, r1);
}

program on_its_way_out(const flaws& f) {
  program p;
  p.label("again").lock(registry).load(r0, closed).jump_if(r0, 0, "open");
  p.unlock(registry).wait_until(closed, 0).jump("again");
  p.label("open");
  if (!f.leaves_unregistered) add_under_lock(p, leaving, 1);
  p.unlock(registry);
  work(p);
  p.lock(registry);
  if (!f.leaves_unregistered) add_under_lock(p, leaving, -1);
  p.unlock(registry);
  return p;
}

program releases(const flaws& f) {
  program p;
  p.store_locked(closed, 1);
  if (!f.no_barrier) p.membarrier();
  if (!f.no_wait) {
    p.label("look").wait_until(calls_without_cache, 0).wait_until(calls, 0).lock(registry);
    p.load(r0, leaving).jump_unless(r0, 0, "not_yet").load(r0, calls).jump_if(r0, 0, "all_out");
    p.label("not_yet").unlock(registry).jump("look");
    p.label("all_out").unlock(registry);
  }
  p.note(alone, 1).note(alone, -1).store(closed, 0);
  return p;
}

model protocol(const flaws& f, program other) {
  model m;
  m.threads = {with_a_cache(f), std::move(other), releases(f)};
  m.always = [](const state& s) {
    return std::string(s.memory[alone] != 0 && s.memory[at_work] != 0 ? "somebody is at work beside" : "");
  };
  m.at_the_end = [](const state&) { return std::string(); };
  return m;
}

class releases_alone : public ::testing::TestWithParam<stores> {
protected:
  static std::string wrong_with(const flaws& f) {
    const std::string first = explore(protocol(f, without_a_cache(f)), GetParam()).wrong;
    return first.empty() ? explore(protocol(f, on_its_way_out(f)), GetParam()).wrong : first;
  }
};
INSTANTIATE_TEST_SUITE_P(every_order, releases_alone, ::testing::Values(stores::at_once, stores::buffered),
                         [](const auto& how) {
                           return how.param == stores::at_once ? "at_once" : "buffered";
                         });

TEST_P(releases_alone, and_nobody_waits_for_ever) { EXPECT_EQ(wrong_with({}), ""); }
TEST_P(releases_alone, since_who_calls_looks) { EXPECT_NE(wrong_with({.no_look = true}), ""); }
TEST_P(releases_alone, since_who_releases_waits) { EXPECT_NE(wrong_with({.no_wait = true}), ""); }
TEST_P(releases_alone, since_who_leaves_says_so) { EXPECT_NE(wrong_with({.leaves_unregistered = true}), ""); }
TEST_P(releases_alone, and_lets_calls_from_within_calls_in) {
  EXPECT_NE(wrong_with({.inner_calls_wait = true}), "");
}
TEST(releases_alone_with_store_buffers, needs_the_barrier) {
  const flaws f{.no_barrier = true};
  EXPECT_NE(explore(protocol(f, without_a_cache(f)), stores::buffered).wrong, "");
  EXPECT_EQ(explore(protocol(f, without_a_cache(f)), stores::at_once).wrong, "");
}

} // namespace
} // namespace quarry::test::interleaving::release
