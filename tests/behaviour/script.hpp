#pragma once

// A script: what a caller does to one pool, step by step, as text that can be replayed.
//
//   allocate BYTES ALIGNMENT    at_least BYTES ALIGNMENT    free INDEX (modulo the number of live blocks)
//   reserve BYTES ALIGNMENT COUNT    trim KEEP    release    refuse COUNT (upstream's next calls)
#include "support.hpp"

#include <iterator>
#include <sstream>
#include <stdexcept>

namespace quarry::test {

enum class verb { allocate, at_least, free, reserve, trim, release, refuse };

struct step {
  verb what = verb::release;
  std::size_t a = 0, b = 0, c = 0;
  bool operator==(const step&) const = default;
};
using script = std::vector<step>;

struct verb_form {
  const char* name;
  std::size_t operands;
};
inline constexpr verb_form verb_forms[] = {{"allocate", 2}, {"at_least", 2}, {"free", 1},  {"reserve", 3},
                                           {"trim", 1},     {"release", 0},  {"refuse", 1}};

inline std::string to_text(const script& s) {
  std::ostringstream out;
  for (const step& each : s) {
    const verb_form form = verb_forms[static_cast<std::size_t>(each.what)];
    const std::size_t operands[] = {each.a, each.b, each.c};
    out << form.name;
    for (std::size_t i = 0; i < form.operands; ++i) out << ' ' << operands[i];
    out << '\n';
  }
  return out.str();
}

inline script from_text(const std::string& text) {
  std::istringstream in(text);
  script s;
  for (std::string word; in >> word;) {
    std::size_t which = 0, operands[3] = {};
    while (which < std::size(verb_forms) && word != verb_forms[which].name) ++which;
    if (which == std::size(verb_forms)) throw std::invalid_argument("no such step: " + word);
    for (std::size_t i = 0; i < verb_forms[which].operands; ++i)
      if (!(in >> operands[i])) throw std::invalid_argument("a number is missing after " + word);
    s.push_back({static_cast<verb>(which), operands[0], operands[1], operands[2]});
  }
  return s;
}

// Mostly small sizes, some of every class, a few above every class.
inline std::size_t random_size(dice& d) {
  const std::size_t kind = d.below(100);
  if (kind < 60) return d.below(257);
  if (kind < 90) return d.below(4097);
  if (kind < 98) return d.below(65'537);
  return d.below(400'000);
}
inline std::size_t random_alignment(dice& d) {
  return std::size_t{1} << (d.below(10) == 0 ? d.below(14) : d.below(5));
}

inline step random_step(dice& d, bool growing) {
  const std::size_t kind = d.below(1000), size = random_size(d), alignment = random_alignment(d);
  if (kind < (growing ? 550u : 300u)) return {verb::allocate, size, alignment};
  if (kind < (growing ? 600u : 350u)) return {verb::at_least, size, alignment};
  if (kind < 970) return {verb::free, d.below(1 << 20)};
  if (kind < 980) return {verb::reserve, 1 + size % 3000, std::size_t{1} << d.below(5), d.below(60)};
  if (kind < 990) return {verb::trim, d.below(2) * d.below(200'000)};
  if (kind < 992) return {verb::release};
  return {verb::refuse, 1 + d.below(4)};
}

// Grows for a while, shrinks for a while.
inline script random_script(std::size_t seed, std::size_t steps) {
  dice d(seed);
  script s;
  bool growing = true;
  for (std::size_t i = 0; i < steps; ++i) {
    if (d.below(100) == 0) growing = !growing;
    s.push_back(random_step(d, growing));
  }
  return s;
}

// Leaves out every step without which `fails` still says true, halves first.
inline script reduced(script s, const std::function<bool(const script&)>& fails) {
  for (std::size_t length = s.size() / 2; length > 0; length /= 2)
    for (std::size_t at = 0; at + length <= s.size();) {
      script shorter = s;
      const auto first = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.erase(first, first + static_cast<std::ptrdiff_t>(length));
      if (fails(shorter))
        s = shorter;
      else
        at += length;
    }
  return s;
}

} // namespace quarry::test
