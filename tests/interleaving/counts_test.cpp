// Words that threads exchange: the budget of limit_resource, and the state of a block that several threads
// free by its address (exchange_for_free).
//
// Gone through completely, with stores at once and with store buffers: three threads that take 2, 2 and 1 of
// a budget of 3, give back and take again; three threads that free one block. What is checked: upstream never
// has more out than the budget and the budget is whole at the end; exactly one free succeeds. Not gone
// through: a block that is freed, handed out again and then freed by who was late: that free meets a live
// block, and no pool can tell it from its owner's.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::test::interleaving::counts {
namespace {

enum : word { left, out, state_of_block, successes };
enum : register_index { seen, done, wanted };

constexpr int budget = 3;
constexpr int live = 1;

enum class budget_flaw { none, given_back_too_early, looked_at_once };

// take() and do_deallocate() of limit_resource; upstream is a count of what is out.
program spender(int bytes, int times, budget_flaw flaw) {
  program p;
  for (int i = 0; i < times; ++i) {
    const std::string n = std::to_string(i);
    p.label("again" + n).load(seen, left).jump_if_less(seen, bytes, "refused" + n);
    if (flaw == budget_flaw::looked_at_once) {
      p.add_locked(left, -bytes);
    } else {
      p.compare_exchange(done, left, seen, -bytes).jump_if(done, 0, "again" + n);
    }
    p.note(out, bytes);
    if (flaw == budget_flaw::given_back_too_early)
      p.add_locked(left, bytes).note(out, -bytes);
    else
      p.note(out, -bytes).add_locked(left, bytes);
    p.label("refused" + n);
  }
  return p;
}

model budget_model(budget_flaw flaw) {
  model m;
  m.threads = {spender(2, 2, flaw), spender(2, 2, flaw), spender(1, 2, flaw)};
  m.memory[left] = budget;
  m.always = [](const state& s) {
    return std::string(s.memory[out] > budget ? "more is out than may be" : "");
  };
  m.at_the_end = [](const state& s) {
    return std::string(s.memory[left] != budget ? "budget was lost" : "");
  };
  return m;
}

enum class free_flaw { none, plain_store };

program freeing_thread(free_flaw flaw) {
  program p;
  p.load(seen, state_of_block).jump_unless(seen, live, "not_live");
  if (flaw == free_flaw::plain_store) // as is right while there is one thread
    p.store(state_of_block, 0);
  else
    p.compare_exchange(done, state_of_block, seen, -live).jump_if(done, 0, "not_live");
  p.note(successes, 1);
  p.label("not_live");
  return p;
}

model free_model(free_flaw flaw) {
  model m;
  m.threads = {freeing_thread(flaw), freeing_thread(flaw), freeing_thread(flaw)};
  m.memory[state_of_block] = live;
  m.at_the_end = [](const state& s) {
    return std::string(s.memory[successes] == 1 && s.memory[state_of_block] == 0 ? ""
                                                                                 : "not freed exactly once");
  };
  return m;
}

class exchanged_words : public ::testing::TestWithParam<stores> {};
INSTANTIATE_TEST_SUITE_P(every_order, exchanged_words, ::testing::Values(stores::at_once, stores::buffered),
                         [](const auto& how) {
                           return how.param == stores::at_once ? "at_once" : "buffered";
                         });

TEST_P(exchanged_words, keep_a_budget) {
  EXPECT_EQ(explore(budget_model(budget_flaw::none), GetParam()).wrong, "");
}
TEST_P(exchanged_words, of_a_budget_are_given_back_last) {
  EXPECT_NE(explore(budget_model(budget_flaw::given_back_too_early), GetParam()).wrong, "");
}
TEST_P(exchanged_words, of_a_budget_are_compared) {
  EXPECT_NE(explore(budget_model(budget_flaw::looked_at_once), GetParam()).wrong, "");
}
TEST_P(exchanged_words, let_one_free_succeed) {
  EXPECT_EQ(explore(free_model(free_flaw::none), GetParam()).wrong, "");
}
TEST_P(exchanged_words, of_a_block_are_compared) {
  EXPECT_NE(explore(free_model(free_flaw::plain_store), GetParam()).wrong, "");
}

} // namespace
} // namespace quarry::test::interleaving::counts
