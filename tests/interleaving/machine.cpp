#include "machine.hpp"

#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>

namespace quarry::test::interleaving {

namespace {

static_assert(std::has_unique_object_representations_v<state>, "states are compared by their bytes");

struct hash_of_bytes {
  std::size_t operator()(const state& s) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(&s), sizeof s});
  }
};

bool always(const state&, std::size_t) { return true; }
bool buffer_is_empty(const state& s, std::size_t t) { return s.threads[t].buffered == 0; }
bool buffer_has_room(const state& s, std::size_t t) { return s.threads[t].buffered < buffer_capacity; }

void put_in_buffer(state& s, std::size_t t, word w, int value) {
  thread_state& thread = s.threads[t];
  thread.buffer_words[thread.buffered] = static_cast<std::uint8_t>(w);
  thread.buffer_values[thread.buffered] = static_cast<std::int8_t>(value);
  ++thread.buffered;
}

// The oldest store becomes visible.
void drain_one(state& s, std::size_t t) {
  thread_state& thread = s.threads[t];
  s.memory[thread.buffer_words[0]] = thread.buffer_values[0];
  --thread.buffered;
  for (std::size_t i = 0; i < thread.buffered; ++i) {
    thread.buffer_words[i] = thread.buffer_words[i + 1];
    thread.buffer_values[i] = thread.buffer_values[i + 1];
  }
  thread.buffer_words[thread.buffered] = 0;
  thread.buffer_values[thread.buffered] = 0;
}

void drain(state& s, std::size_t t) {
  while (s.threads[t].buffered != 0) drain_one(s, t);
}

} // namespace

int state::seen_by(std::size_t t, word w) const {
  const thread_state& thread = threads[t];
  for (std::size_t i = thread.buffered; i-- > 0;)
    if (thread.buffer_words[i] == w) return thread.buffer_values[i];
  return memory[w];
}

// ---- steps

void program::run_next(state& s, std::size_t thread) const {
  const step& now = next_of(s, thread);
  const bool jumps = now.jumps && now.jumps(s, thread);
  if (now.run) now.run(s, thread);
  const std::size_t next = jumps ? labels_.at(now.label) : std::size_t{s.threads[thread].next} + 1;
  s.threads[thread].next = static_cast<std::uint8_t>(next);
}

program& program::add(std::string text, condition may_run, std::function<void(state&, std::size_t)> run) {
  steps_.push_back({std::move(text), std::move(may_run), std::move(run)});
  return *this;
}

program& program::store(word w, int value) {
  return add("store " + std::to_string(value) + " to " + std::to_string(w), buffer_has_room,
             [=](state& s, std::size_t t) { put_in_buffer(s, t, w, value); });
}

program& program::store_register(word w, register_index r) {
  return add("store a register to " + std::to_string(w), buffer_has_room,
             [=](state& s, std::size_t t) { put_in_buffer(s, t, w, s.threads[t].registers[r]); });
}

program& program::load(register_index r, word w) {
  return add("load " + std::to_string(w), always, [=](state& s, std::size_t t) {
    s.threads[t].registers[r] = static_cast<std::int8_t>(s.seen_by(t, w));
  });
}

program& program::add_to_register(register_index r, int n) {
  return add("add", always, [=](state& s, std::size_t t) {
    s.threads[t].registers[r] = static_cast<std::int8_t>(s.threads[t].registers[r] + n);
  });
}

program& program::wait_until(word w, int value) {
  return add(
      "wait for " + std::to_string(w),
      [=](const state& s, std::size_t t) { return s.seen_by(t, w) == value; }, [](state&, std::size_t) {});
}

program& program::add_locked(word w, int n) {
  return add("locked add to " + std::to_string(w), buffer_is_empty,
             [=](state& s, std::size_t) { s.memory[w] = static_cast<std::int8_t>(s.memory[w] + n); });
}

program& program::store_locked(word w, int value) {
  return add("locked store to " + std::to_string(w), buffer_is_empty,
             [=](state& s, std::size_t) { s.memory[w] = static_cast<std::int8_t>(value); });
}

program& program::compare_exchange(register_index succeeded, word w, register_index expected,
                                   int desired_difference) {
  return add("compare-exchange " + std::to_string(w), buffer_is_empty, [=](state& s, std::size_t t) {
    auto& own = s.threads[t].registers;
    const bool equal = s.memory[w] == own[expected];
    if (equal) s.memory[w] = static_cast<std::int8_t>(s.memory[w] + desired_difference);
    own[succeeded] = equal ? 1 : 0;
  });
}

program& program::compare_exchange_register(register_index succeeded, word w, register_index expected,
                                            register_index desired) {
  return add("compare-exchange " + std::to_string(w), buffer_is_empty, [=](state& s, std::size_t t) {
    registers& r = s.threads[t].registers;
    const bool equal = s.memory[w] == r[expected];
    if (equal) s.memory[w] = r[desired];
    r[succeeded] = equal ? 1 : 0;
  });
}

program& program::compute(std::function<void(registers&)> f) {
  return add("compute", always, [f = std::move(f)](state& s, std::size_t t) { f(s.threads[t].registers); });
}

program& program::lock(word mutex) {
  return add(
      "lock " + std::to_string(mutex),
      [=](const state& s, std::size_t t) { return buffer_is_empty(s, t) && s.memory[mutex] == 0; },
      [=](state& s, std::size_t) { s.memory[mutex] = 1; });
}

program& program::unlock(word mutex) {
  return add("unlock " + std::to_string(mutex), buffer_is_empty,
             [=](state& s, std::size_t) { s.memory[mutex] = 0; });
}

// As the kernel does it: a barrier of its own, then one in each other thread, then one of its own.
program& program::membarrier() {
  add("begin of barrier", buffer_is_empty, [](state&, std::size_t) {});
  for (std::size_t other = 0; other < most_threads; ++other)
    add("barrier in thread " + std::to_string(other), always,
        [=](state& s, std::size_t) { drain(s, other); });
  return *this;
}

program& program::note(word w, int n) {
  return add("note " + std::to_string(w), always,
             [=](state& s, std::size_t) { s.memory[w] = static_cast<std::int8_t>(s.memory[w] + n); });
}

// ---- jumps

program& program::label(const std::string& name) {
  labels_[name] = steps_.size();
  return *this;
}

program& program::add_jump(std::string text, condition jumps, const std::string& label) {
  steps_.push_back({std::move(text) + " to " + label, always, {}, std::move(jumps), label});
  return *this;
}

program& program::jump(const std::string& name) { return add_jump("jump", always, name); }

program& program::jump_if(register_index r, int value, const std::string& name) {
  return add_jump(
      "jump", [=](const state& s, std::size_t t) { return s.threads[t].registers[r] == value; }, name);
}

program& program::jump_unless(register_index r, int value, const std::string& name) {
  return add_jump(
      "jump", [=](const state& s, std::size_t t) { return s.threads[t].registers[r] != value; }, name);
}

program& program::jump_if_less(register_index r, int value, const std::string& name) {
  return add_jump(
      "jump", [=](const state& s, std::size_t t) { return s.threads[t].registers[r] < value; }, name);
}

// ---- the search

namespace {

class search {
public:
  search(const model& m, stores how) : model_(m), how_(how) {}

  exploration run() {
    state first;
    first.memory = model_.memory;
    reach(first, nullptr, "");
    while (!open_.empty() && wrong_.empty()) {
      const reached* const from = open_.back();
      open_.pop_back();
      go_on_from(*from);
    }
    return {seen_.size(), wrong_};
  }

private:
  // How a state was reached first, to tell the story of a wrong one.
  struct reached {
    state now;
    const reached* from;
    std::string by;
    bool operator==(const reached& other) const { return now == other.now; }
  };
  struct hash {
    std::size_t operator()(const reached& r) const { return hash_of_bytes()(r.now); }
  };

  void reach(const state& s, const reached* from, std::string by) {
    const auto [place, is_new] = seen_.insert({s, from, std::move(by)});
    if (!is_new) return;
    open_.push_back(&*place);
    if (const std::string what = model_.always(s); !what.empty()) tell(what, &*place);
  }

  void go_on_from(const reached& from) {
    bool any = false, all_ended = true;
    for (std::size_t t = 0; t < model_.threads.size() && wrong_.empty(); ++t) {
      const program& steps = model_.threads[t];
      if (from.now.threads[t].buffered != 0) {
        state s = from.now;
        drain_one(s, t);
        reach(s, &from, std::to_string(t) + ": a store becomes visible");
        any = true;
      }
      if (steps.has_ended(from.now, t)) continue;
      all_ended = false;
      const step& next = steps.next_of(from.now, t);
      if (!next.may_run(from.now, t)) continue;
      state s = from.now;
      steps.run_next(s, t);
      if (how_ == stores::at_once) drain(s, t);
      reach(s, &from, std::to_string(t) + ": " + next.text);
      any = true;
    }
    if (any || !wrong_.empty()) return;
    if (!all_ended) return tell("no thread can go on", &from);
    if (const std::string what = model_.at_the_end(from.now); !what.empty()) tell(what, &from);
  }

  void tell(const std::string& what, const reached* last) {
    std::string story;
    for (const reached* r = last; r->from != nullptr; r = r->from) story = "\n  " + r->by + story;
    wrong_ = what + story;
  }

  const model& model_;
  const stores how_;
  std::unordered_set<reached, hash> seen_;
  std::vector<const reached*> open_;
  std::string wrong_;
};

} // namespace

exploration explore(const model& m, stores how) { return search(m, how).run(); }

} // namespace quarry::test::interleaving
