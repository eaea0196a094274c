// The depot (src/depot.hpp): two lists of slots, empty and full, from which threads take and to which they
// put slots without a lock; the head of a list counts its changes.
//
// Gone through completely, with stores at once and with store buffers: depots of two slots; three threads
// that put a block or take one, one of them also both; and two threads that each put two and take two. One
// slot at a time is moved. What is checked: no slot has two movers, no block is lost or doubled. Not gone
// through: several slots moved at once (the loads of a longer chain come before the same exchange), adding
// and removing room (the same moves between other lists), the count of changes when it comes round after 2^48
// of them.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::test::interleaving {
namespace {

constexpr int slots = 2, no_slot = 3;

// A head is changes modulo 8 · 16 + length · 4 + first slot: the others make fewer than 8 changes.
enum : word { full, empty, next, slot = next + 4, movers = slot + slots, taken = movers + slots, put };
enum : register_index { head, first, rest, now, done, block };

int first_of(int h) { return h % 4; }
int length_of(int h) { return h / 4 % 4; }
int head_of(int changes, int length, int first_slot) { return changes % 8 * 16 + length * 4 + first_slot; }

enum class flaw { no_flaw, changes_are_not_counted, slot_is_given_before_it_is_read };

std::int8_t changed(int h, int length, int first_slot, flaw f) {
  const int changes = f == flaw::changes_are_not_counted ? 0 : h / 16 + 1;
  return static_cast<std::int8_t>(head_of(changes, length, first_slot));
}

// Jumps to `none_left` when the list is empty.
void take_slot(program& p, word list, flaw f, const std::string& again, const std::string& none_left) {
  p.label(again).load(head, list);
  p.compute([](registers& r) { r[done] = static_cast<std::int8_t>(length_of(r[head])); });
  p.jump_if(done, 0, none_left);
  p.compute([](registers& r) { r[first] = static_cast<std::int8_t>(first_of(r[head])); });
  p.load_indexed(rest, next, first);
  p.compute([f](registers& r) { r[now] = changed(r[head], length_of(r[head]) - 1, r[rest], f); });
  p.compare_exchange_register(done, list, head, now).jump_if(done, 0, again);
}

void put_slot(program& p, word list, flaw f, const std::string& again) {
  p.label(again).load(head, list);
  p.compute([](registers& r) { r[rest] = static_cast<std::int8_t>(first_of(r[head])); });
  p.store_indexed(next, first, rest);
  p.compute([f](registers& r) { r[now] = changed(r[head], length_of(r[head]) + 1, r[first], f); });
  p.compare_exchange_register(done, list, head, now).jump_if(done, 0, again);
}

// Each block is a number of its own; what was put, and taken, is noted as a sum.
void put_block(program& p, int number, flaw f) {
  const std::string n = std::to_string(number);
  take_slot(p, empty, f, "put_again" + n, "no_room" + n);
  p.note_indexed(movers, first, 1);
  p.compute([number](registers& r) { r[block] = static_cast<std::int8_t>(number); });
  p.store_indexed(slot, first, block).note(put, number).note_indexed(movers, first, -1);
  put_slot(p, full, f, "put_back_again" + n);
  p.label("no_room" + n);
}

void take_block(program& p, int number, flaw f) {
  const std::string n = std::to_string(number);
  take_slot(p, full, f, "take_again" + n, "nothing" + n);
  p.note_indexed(movers, first, 1);
  if (f != flaw::slot_is_given_before_it_is_read) p.load_indexed(block, slot, first);
  p.note_indexed(movers, first, -1);
  put_slot(p, empty, f, "give_again" + n);
  if (f == flaw::slot_is_given_before_it_is_read) p.load_indexed(block, slot, first);
  for (int which = 1; which <= 4; which *= 2) {
    const std::string other = "not" + n + "_" + std::to_string(which);
    p.jump_unless(block, which, other).note(taken, which).label(other);
  }
  p.label("nothing" + n);
}

enum class work { puts, takes, puts_and_takes, puts_and_takes_twice };

program thread(work w, int number, flaw f) {
  program p;
  if (w != work::takes) put_block(p, number, f);
  if (w != work::puts) take_block(p, number + 100, f);
  if (w == work::puts_and_takes_twice) {
    put_block(p, number * 2, f);
    take_block(p, number * 2 + 100, f);
  }
  return p;
}

int sum_of_list(const state& s, word list) {
  int sum = 0, at = first_of(s.memory[list]);
  for (int i = 0; i < length_of(s.memory[list]); ++i, at = s.memory[next + static_cast<word>(at)])
    sum += s.memory[slot + static_cast<word>(at)];
  return sum;
}

model depot(std::vector<program> threads) {
  model m;
  m.threads = std::move(threads);
  m.memory[empty] = static_cast<std::int8_t>(head_of(0, slots, 0));
  m.memory[full] = static_cast<std::int8_t>(head_of(0, 0, no_slot));
  m.memory[next] = 1;
  m.memory[next + 1] = no_slot;
  m.always = [](const state& s) {
    return std::string(s.memory[movers] > 1 || s.memory[movers + 1] > 1 ? "a slot has two movers" : "");
  };
  m.at_the_end = [](const state& s) {
    if (length_of(s.memory[full]) + length_of(s.memory[empty]) != slots)
      return std::string("a slot was lost");
    const bool whole = s.memory[put] == s.memory[taken] + sum_of_list(s, full);
    return std::string(whole ? "" : "blocks were lost or doubled");
  };
  return m;
}

class depots : public ::testing::TestWithParam<stores> {};
INSTANTIATE_TEST_SUITE_P(every_order, depots, ::testing::Values(stores::at_once, stores::buffered),
                         [](const auto& how) {
                           return how.param == stores::at_once ? "at_once" : "buffered";
                         });

TEST_P(depots, keep_every_block_for_three_threads) {
  const work mixed[][most_threads] = {{work::puts, work::puts, work::puts},
                                      {work::puts, work::puts, work::takes},
                                      {work::puts, work::takes, work::takes},
                                      {work::puts, work::takes, work::puts_and_takes}};
  for (const auto& [a, b, c] : mixed) {
    const model m =
        depot({thread(a, 1, flaw::no_flaw), thread(b, 2, flaw::no_flaw), thread(c, 4, flaw::no_flaw)});
    EXPECT_EQ(explore(m, GetParam()).wrong, "");
  }
}

bool is_found(flaw f, stores how) {
  const work twice = work::puts_and_takes_twice;
  return !explore(depot({thread(twice, 1, f), thread(twice, 1, f)}), how).wrong.empty();
}

TEST_P(depots, keep_every_block_for_two_threads_and_twice_as_many_calls) {
  EXPECT_FALSE(is_found(flaw::no_flaw, GetParam()));
}
TEST_P(depots, must_count_their_changes) { EXPECT_TRUE(is_found(flaw::changes_are_not_counted, GetParam())); }
TEST_P(depots, must_be_read_before_the_slot_is_given_on) {
  EXPECT_TRUE(is_found(flaw::slot_is_given_before_it_is_read, GetParam()));
}

} // namespace
} // namespace quarry::test::interleaving
