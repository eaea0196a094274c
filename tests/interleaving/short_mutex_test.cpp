// The mutex of classes and depots (src/short_mutex.hpp): free, taken, or contended, which is taken while
// somebody may be asleep; who finds a depot's taken goes away again.
//
// Gone through completely, with stores at once and with store buffers: three threads that lock or try to, one
// of them twice. The system's part is modelled as it is: under a lock of its own it looks at the word again
// before it lets a thread sleep, and wakes one that sleeps. What is checked: no two are inside, what was
// written inside is seen by the next, nobody sleeps for ever (a state in which no thread can go on is wrong).
// Not gone through: looking several times before sleeping (once more is the same), more sleepers than two.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::test::interleaving::short_mutex {
namespace {

enum : word { mutex, system_lock, asleep, counted = asleep + most_threads, entered, inside };
enum : register_index { seen, done, wanted };
enum : int { is_free, is_taken, is_contended };

enum class flaw { none, never_wakes, takes_as_uncontended_after_sleep, sleeps_without_looking };

void exchange(program& p, int value, const std::string& n) {
  p.label("exchange" + n).load(seen, mutex);
  p.compute([value](registers& r) { r[wanted] = static_cast<std::int8_t>(value); });
  p.compare_exchange_register(done, mutex, seen, wanted).jump_if(done, 0, "exchange" + n);
}

void sleep(program& p, word self, flaw f, const std::string& n) {
  p.lock(system_lock);
  if (f != flaw::sleeps_without_looking) p.load(seen, mutex).jump_unless(seen, is_contended, "changed" + n);
  p.store(asleep + self, 1).unlock(system_lock).wait_until(asleep + self, 0).jump("awake" + n);
  p.label("changed" + n).unlock(system_lock).label("awake" + n);
}

void wake_one(program& p, const std::string& n) {
  p.lock(system_lock);
  for (word t = 0; t < most_threads; ++t) {
    const std::string next = "no_sleeper" + n + std::to_string(t);
    p.load(seen, asleep + t).jump_if(seen, 0, next).store(asleep + t, 0).jump("woken" + n).label(next);
  }
  p.label("woken" + n).unlock(system_lock);
}

void lock(program& p, word self, flaw f, const std::string& n) {
  const std::string again = "again" + n;
  p.compute([](registers& r) { r[seen] = is_free; });
  p.compare_exchange(done, mutex, seen, is_taken).jump_if(done, 1, "mine" + n);
  p.label(again);
  exchange(p, is_contended, again);
  p.jump_if(seen, is_free, "mine" + n);
  sleep(p, self, f, again);
  if (f == flaw::takes_as_uncontended_after_sleep) {
    exchange(p, is_taken, again + "slept");
    p.jump_if(seen, is_free, "mine" + n);
  }
  p.jump(again).label("mine" + n);
}

void try_lock(program& p, const std::string& gone) {
  p.compute([](registers& r) { r[seen] = is_free; });
  p.compare_exchange(done, mutex, seen, is_taken).jump_if(done, 0, gone);
}

void count(program& p) {
  p.note(inside, 1).note(entered, 1).load(seen, counted).add_to_register(seen, 1);
  p.store_register(counted, seen).note(inside, -1);
}

void unlock(program& p, flaw f, const std::string& n) {
  exchange(p, is_free, "unlock" + n);
  if (f == flaw::never_wakes) return;
  p.jump_unless(seen, is_contended, "nobody" + n);
  wake_one(p, n);
  p.label("nobody" + n);
}

enum class work { locks, tries, locks_twice, tries_and_locks };

program thread(work w, word self, flaw f) {
  program p;
  if (w == work::tries || w == work::tries_and_locks) {
    try_lock(p, "gone");
    count(p);
    unlock(p, f, "tried");
    p.label("gone");
  }
  const int times = w == work::tries ? 0 : w == work::locks_twice ? 2 : 1;
  for (int i = 0; i < times; ++i) {
    lock(p, self, f, std::to_string(i));
    count(p);
    unlock(p, f, std::to_string(i));
  }
  return p;
}

std::string wrong_with(const std::vector<work>& works, flaw f, stores how) {
  model m;
  for (const work w : works) m.threads.push_back(thread(w, m.threads.size(), f));
  m.always = [](const state& s) { return std::string(s.memory[inside] > 1 ? "two are inside" : ""); };
  m.at_the_end = [](const state& s) {
    if (s.memory[mutex] != is_free) return std::string("the mutex stays taken");
    return std::string(s.memory[counted] != s.memory[entered] ? "what was written inside was not seen" : "");
  };
  return explore(m, how).wrong;
}

class short_mutexes : public ::testing::TestWithParam<stores> {};
INSTANTIATE_TEST_SUITE_P(every_order, short_mutexes, ::testing::Values(stores::at_once, stores::buffered),
                         [](const auto& how) {
                           return how.param == stores::at_once ? "at_once" : "buffered";
                         });

const std::vector<work> all_lock{work::locks, work::locks, work::locks_twice};

TEST_P(short_mutexes, let_one_inside_and_wake_every_sleeper) {
  EXPECT_EQ(wrong_with(all_lock, flaw::none, GetParam()), "");
  EXPECT_EQ(wrong_with({work::locks, work::tries, work::locks_twice}, flaw::none, GetParam()), "");
  EXPECT_EQ(wrong_with({work::tries_and_locks, work::tries_and_locks, work::locks}, flaw::none, GetParam()),
            "");
}

TEST_P(short_mutexes, must_wake_who_sleeps) {
  EXPECT_NE(wrong_with(all_lock, flaw::never_wakes, GetParam()), "");
}
TEST_P(short_mutexes, must_be_contended_for_who_has_slept) {
  EXPECT_NE(wrong_with(all_lock, flaw::takes_as_uncontended_after_sleep, GetParam()), "");
}
TEST_P(short_mutexes, must_be_looked_at_before_sleeping) {
  EXPECT_NE(wrong_with(all_lock, flaw::sleeps_without_looking, GetParam()), "");
}

} // namespace
} // namespace quarry::test::interleaving::short_mutex
