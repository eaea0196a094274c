// A machine of a few threads and words, small enough to be tried in every order.
//
// A model of a protocol is a program for each thread, of atomic steps. explore() goes through every state
// that any interleaving can reach: all of them, since states that were seen are not gone through again. A
// thread's plain stores pass through a store buffer of its own, first in first out, and become visible to the
// others at any later time, as on x86 (TSO); without buffers it is sequential consistency. Loads and compiler
// fences are in program order in both. Weaker machines (ARM64) are not modelled.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace quarry::test::interleaving {

using word = std::size_t; // its index in memory
using register_index = std::size_t;

inline constexpr std::size_t word_count = 16, register_count = 7, buffer_capacity = 8, most_threads = 3;

using registers = std::array<std::int8_t, register_count>;

struct thread_state {
  std::uint8_t next = 0; // step; finished when behind the last
  interleaving::registers registers{};
  std::uint8_t buffered = 0;
  std::array<std::uint8_t, buffer_capacity> buffer_words{};
  std::array<std::int8_t, buffer_capacity> buffer_values{};
  bool operator==(const thread_state&) const = default;
};

struct state {
  std::array<std::int8_t, word_count> memory{};
  std::array<thread_state, most_threads> threads{};
  bool operator==(const state&) const = default;

  /// What thread `t` sees: its own newest store to the word, or memory.
  int seen_by(std::size_t t, word w) const;
};

using condition = std::function<bool(const state&, std::size_t thread)>;

struct step {
  std::string text;
  condition may_run;
  std::function<void(state&, std::size_t thread)> run;
  condition jumps{}; // when it is a jump
  std::string label{};
};

/// What is wrong about a state; "" when nothing is.
using judge = std::function<std::string(const state&)>;

/// The steps of one thread.
class program {
public:
  program& store(word w, int value);
  program& store_register(word w, register_index r);
  program& load(register_index r, word w);
  program& add_to_register(register_index r, int n);
  program& wait_until(word w, int value);
  program& add_locked(word w, int n); ///< atomic read-modify-write: the buffer is empty then
  program& store_locked(word w, int value);
  /// Adds `n` to the word if it is as expected; tells in a register whether it was.
  program& compare_exchange(register_index succeeded, word w, register_index expected, int n);
  /// Exchanges the word for another register when it is as expected; tells in a register whether it did.
  program& compare_exchange_register(register_index succeeded, word w, register_index expected,
                                     register_index desired);
  /// Any function of the thread's own registers.
  program& compute(std::function<void(registers&)> f);
  program& lock(word mutex);
  program& unlock(word mutex);
  program& membarrier(); ///< empties its buffer, then those of the others one by one, all running in between
  program& label(const std::string& name);
  program& jump(const std::string& name);
  program& jump_if(register_index r, int value, const std::string& name);
  program& jump_unless(register_index r, int value, const std::string& name);
  program& jump_if_less(register_index r, int value, const std::string& name);
  /// A note of the model's own, not of the protocol: at once and seen by all.
  program& note(word w, int n);

  bool has_ended(const state& s, std::size_t thread) const { return s.threads[thread].next == steps_.size(); }
  const step& next_of(const state& s, std::size_t thread) const { return steps_[s.threads[thread].next]; }
  void run_next(state& s, std::size_t thread) const;

private:
  program& add(std::string text, condition may_run, std::function<void(state&, std::size_t)> run);
  program& add_jump(std::string text, condition jumps, const std::string& label);

  std::vector<step> steps_;
  std::map<std::string, std::size_t> labels_;
};

struct model {
  std::vector<program> threads;
  std::array<std::int8_t, word_count> memory{}; // at the beginning
  judge always = [](const state&) { return std::string(); };
  judge at_the_end = [](const state&) { return std::string(); };
};

enum class stores { at_once, buffered };

struct exploration {
  std::size_t states = 0;
  std::string wrong; // "" when no order of steps is wrong; else what, and the steps that lead there
};

/// Every interleaving. A state in which no thread can go on, and not all have finished, is wrong.
exploration explore(const model& m, stores how);

} // namespace quarry::test::interleaving
