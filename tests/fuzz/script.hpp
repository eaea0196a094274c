#pragma once

// A script: what a caller does to one subject, step by step, as text that can be replayed.
//
//   on SUBJECT                    the first line; see subject.hpp
//   allocate BYTES ALIGNMENT      at_least BYTES ALIGNMENT      burst BYTES ALIGNMENT COUNT
//   free INDEX                    drain INDEX COUNT             indices are modulo the number of live blocks
//   reserve BYTES ALIGNMENT COUNT   trim KEEP   release   refuse CALL COUNT    of upstream's next calls
//   thread N                      the steps from here on are done by thread N; 0 is the first
//   exit N                        thread N ends; when it is needed again it is a new one
//   misuse INDEX COUNT OFFSET     blocks are freed, others as if they were of the same kind, and what is
//   none,
//                                 at some offset of other memory; then all caches are emptied
//
// Of segment pools:
//
//   segment BYTES   try_segment BYTES   span BYTES   (allocate, burst: blocks of the memory_resource)
//   resize INDEX BYTES            modulo the capacity
//   hand_out INDEX                a segment becomes a span
//   share INDEX                   a segment becomes a shared one; of a shared one there is one more
//   slice INDEX OFFSET COUNT      one more, of a part; modulo what is left
//   misuse INDEX BYTES OFFSET     what is no span is given back, the span with another place and length, and
//   one
//                                 of so many bytes twice
//   let_go                        every region that the observer held
//   abandon                       the pool ends with all handles out, and a new one begins
//
// Of segment chains, four of them:
//
//   append CHAIN BYTES   prepend CHAIN BYTES   push CHAIN BYTES   consume CHAIN COUNT
//   split CHAIN COUNT OTHER       the first bytes become the other one
//   copy CHAIN OTHER              shares them
#include "../support/dice.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quarry::test {

enum class verb : std::uint8_t {
  allocate,
  at_least,
  burst,
  free,
  drain,
  reserve,
  trim,
  release,
  refuse,
  thread,
  exit,
  misuse,
  segment,
  try_segment,
  span,
  resize,
  hand_out,
  share,
  slice,
  let_go,
  abandon,
  append,
  prepend,
  push,
  consume,
  split,
  copy,
};

struct step {
  verb what = verb::release;
  std::uint32_t a = 0, b = 0, c = 0;
  bool operator==(const step&) const = default;
};
using steps = std::vector<step>;

struct script {
  std::string subject;
  test::steps steps;
  bool operator==(const script&) const = default;
};

std::string to_text(const script& s);
script from_text(const std::string& text); // throws std::invalid_argument

std::size_t operands_of(verb what);

inline constexpr std::uint32_t most_threads = 4;

// Grows for a while, shrinks for a while; likes one size for a while, then another. What a short script does
// often, a long one does now and then, and its blocks are smaller, so that it is mostly calls.
enum class pace { short_script, long_script };
steps random_pool_steps(std::size_t seed, std::size_t count, pace p);
steps random_segment_steps(std::size_t seed, std::size_t count, pace p);
steps random_chain_steps(std::size_t seed, std::size_t count, pace p);

// A script from any bytes, for tools that make up bytes.
steps pool_steps_of(std::span<const std::uint8_t> bytes);
steps segment_steps_of(std::span<const std::uint8_t> bytes);
steps chain_steps_of(std::span<const std::uint8_t> bytes);

} // namespace quarry::test
