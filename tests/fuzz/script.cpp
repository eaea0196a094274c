#include "script.hpp"

#include <sstream>
#include <stdexcept>

namespace quarry::test {

namespace {

struct verb_form {
  const char* name;
  std::size_t operands;
};
constexpr verb_form verb_forms[] = {
    {"allocate", 2}, {"at_least", 2},    {"burst", 3},   {"free", 1},   {"drain", 2},    {"reserve", 3},
    {"trim", 1},     {"release", 0},     {"refuse", 2},  {"thread", 1}, {"exit", 1},     {"misuse", 3},
    {"segment", 1},  {"try_segment", 1}, {"span", 1},    {"resize", 2}, {"hand_out", 1}, {"share", 1},
    {"slice", 3},    {"let_go", 0},      {"abandon", 0}, {"append", 2}, {"prepend", 2},  {"push", 2},
    {"consume", 2},  {"split", 3},       {"copy", 2},
};
constexpr std::size_t verb_count = std::size(verb_forms);

verb verb_named(const std::string& word) {
  for (std::size_t i = 0; i < verb_count; ++i)
    if (word == verb_forms[i].name) return static_cast<verb>(i);
  throw std::invalid_argument("no such step: " + word);
}

} // namespace

std::size_t operands_of(verb what) { return verb_forms[static_cast<std::size_t>(what)].operands; }

std::string to_text(const script& s) {
  std::ostringstream out;
  out << "on " << s.subject << '\n';
  for (const step& each : s.steps) {
    const std::uint32_t operands[] = {each.a, each.b, each.c};
    out << verb_forms[static_cast<std::size_t>(each.what)].name;
    for (std::size_t i = 0; i < operands_of(each.what); ++i) out << ' ' << operands[i];
    out << '\n';
  }
  return out.str();
}

script from_text(const std::string& text) {
  std::istringstream in(text);
  script s;
  std::string word;
  if (!(in >> word) || word != "on" || !(in >> s.subject))
    throw std::invalid_argument("a script begins with: on SUBJECT");
  while (in >> word) {
    const verb what = verb_named(word);
    std::uint32_t operands[3] = {};
    for (std::size_t i = 0; i < operands_of(what); ++i)
      if (!(in >> operands[i])) throw std::invalid_argument("a number is missing after " + word);
    s.steps.push_back({what, operands[0], operands[1], operands[2]});
  }
  return s;
}

// ---- at random

namespace {

class pool_step_maker {
public:
  pool_step_maker(std::size_t seed, pace p) : dice_(seed), long_(p == pace::long_script) {}

  step next() {
    if (below(100) == 0) growing_ = !growing_;
    if (below(long_ ? 5000 : 50) == 0) favourite_ = below(3) == 0 ? 0 : any_size();
    return below(long_ ? 100 : 20) == 0 ? rare() : common();
  }

private:
  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(dice_.below(n)); }

  // Mostly small, some of every class, a few above every class.
  std::uint32_t any_size() {
    const std::uint32_t kind = below(1000);
    if (kind < (long_ ? 800u : 600u)) return below(257);
    if (kind < (long_ ? 985u : 900u)) return below(long_ ? 1025 : 4097);
    if (kind < (long_ ? 999u : 980u)) return below(long_ ? 8193 : 65'537);
    return below(400'000);
  }
  std::uint32_t size() { return favourite_ != 0 && below(4) != 0 ? favourite_ : any_size(); }
  std::uint32_t alignment() { return 1u << (below(long_ ? 1000 : 10) == 0 ? below(16) : below(5)); }

  step common() {
    const std::uint32_t kind = below(100);
    if (kind < (growing_ ? 60u : 40u)) return {verb::allocate, size(), alignment(), 0};
    if (kind < (growing_ ? 63u : 43u)) return {verb::at_least, size(), alignment(), 0};
    return {verb::free, below(1 << 20), 0, 0};
  }
  step rare() {
    switch (below(16)) {
    case 0:
      return {verb::reserve, 1 + size() % 3000, 1u << below(5), below(60)};
    case 1:
      return {verb::trim, below(2) * below(200'000), 0, 0};
    case 2:
      return below(long_ ? 20 : 10) == 0 ? step{verb::release, 0, 0, 0} : common();
    case 3:
      return {verb::refuse, below(6), 1 + below(4), 0};
    case 4:
    case 5:
      return {verb::thread, below(most_threads), 0, 0};
    case 6:
      return {verb::exit, 1 + below(most_threads - 1), 0, 0};
    case 7:
      return {verb::drain, below(1 << 20), below(10) == 0 ? 20'000 : below(400), 0};
    case 8:
    case 9:
      return {verb::drain, below(1 << 20), below(long_ ? 4000 : 100), 0};
    case 10:
      return below(4) == 0 ? step{verb::misuse, below(1 << 20), below(200), below(4096)} : common();
    default:
      return {verb::burst, any_size() % 2049, 1u << below(5), below(long_ ? 2000 : 100)};
    }
  }

  dice dice_;
  const bool long_;
  bool growing_ = true;
  std::uint32_t favourite_ = 0;
};

class segment_step_maker {
public:
  segment_step_maker(std::size_t seed, pace p) : dice_(seed), long_(p == pace::long_script) {}

  step next() {
    if (below(100) == 0) growing_ = !growing_;
    return below(long_ ? 100 : 20) == 0 ? rare() : common();
  }

private:
  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(dice_.below(n)); }

  std::uint32_t size() {
    const std::uint32_t kind = below(100);
    if (kind < (long_ ? 80u : 50u)) return below(1025);
    if (kind < (long_ ? 97u : 85u)) return below(9001);
    return below(kind < 99 ? 65'537 : 200'000);
  }

  step common() {
    const std::uint32_t kind = below(100);
    if (!growing_ && kind < 25) return {verb::free, below(1 << 20), 0, 0};
    if (kind < 50) return {verb::free, below(1 << 20), 0, 0};
    if (kind < 65) return {verb::segment, size(), 0, 0};
    if (kind < 70) return {verb::try_segment, size(), 0, 0};
    if (kind < 75) return {verb::span, size(), 0, 0};
    if (kind < 80) return {verb::allocate, size(), 1u << below(12), 0};
    if (kind < 83) return {verb::resize, below(1 << 20), below(1 << 16), 0};
    if (kind < 86) return {verb::hand_out, below(1 << 20), 0, 0};
    if (kind < 93) return {verb::share, below(1 << 20), 0, 0};
    return {verb::slice, below(1 << 20), below(1 << 16), below(1 << 16)};
  }
  step rare() {
    switch (below(16)) {
    case 0:
      return {verb::trim, below(2) * below(4'000'000), 0, 0};
    case 1:
      return below(10) == 0 ? step{verb::release, 0, 0, 0} : common();
    case 2:
      return below(10) == 0 ? step{verb::abandon, 0, 0, 0} : common();
    case 3:
      return {verb::refuse, below(4), 1 + below(4), 0};
    case 4:
      return {verb::let_go, 0, 0, 0};
    case 5:
    case 6:
      return {verb::thread, below(most_threads), 0, 0};
    case 7:
      return {verb::exit, 1 + below(most_threads - 1), 0, 0};
    case 8:
      return {verb::misuse, below(1 << 20), size(), below(1 << 16)};
    case 9:
    case 10:
      return {verb::drain, below(1 << 20), below(10) == 0 ? 20'000 : below(long_ ? 1000 : 100), 0};
    default:
      return {verb::burst, size() % 9001, 1u << below(6), below(long_ ? 500 : 50)};
    }
  }

  dice dice_;
  const bool long_;
  bool growing_ = true;
};

class chain_step_maker {
public:
  explicit chain_step_maker(std::size_t seed) : dice_(seed) {}

  step next() {
    const std::uint32_t chain = below(4), other = below(4), kind = below(100);
    if (kind < 30) return {verb::append, chain, size(), 0};
    if (kind < 38) return {verb::prepend, chain, size(), 0};
    if (kind < 46) return {verb::push, chain, size(), 0};
    if (kind < 76) return {verb::consume, chain, size() * 2, 0};
    if (kind < 86) return {verb::split, chain, size() * 4, other};
    if (kind < 92) return {verb::copy, chain, other, 0};
    if (kind < 94) return {verb::trim, below(2) * below(1'000'000), 0, 0};
    if (kind < 96) return {verb::refuse, below(4), 1 + below(4), 0};
    if (kind < 99) return {verb::thread, below(most_threads), 0, 0};
    return {verb::exit, 1 + below(most_threads - 1), 0, 0};
  }

private:
  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(dice_.below(n)); }
  std::uint32_t size() { return below(below(10) == 0 ? 30'000 : below(4) == 0 ? 3000 : 100); }

  dice dice_;
};

// Reads numbers from bytes, zeros when there are no more.
class byte_reader {
public:
  explicit byte_reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool at_end() const { return bytes_.empty(); }
  std::uint32_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  std::uint32_t number() { return byte() | byte() << 8; }
  // Of every magnitude alike, up to 512 KiB.
  std::uint32_t size() {
    const std::uint32_t n = number();
    return (n >> 4) >> (n % 16 < 5 ? 4 : 0) << (n % 16 > 8 ? n % 16 - 8 : 0);
  }

private:
  std::span<const std::uint8_t> bytes_;
};

} // namespace

namespace {

template <class Maker>
steps made_by(Maker maker, std::size_t count) {
  steps s;
  s.reserve(count);
  while (s.size() < count) s.push_back(maker.next());
  return s;
}

} // namespace

steps random_pool_steps(std::size_t seed, std::size_t count, pace p) {
  return made_by(pool_step_maker(seed, p), count);
}

steps random_segment_steps(std::size_t seed, std::size_t count, pace p) {
  return made_by(segment_step_maker(seed, p), count);
}

steps random_chain_steps(std::size_t seed, std::size_t count, pace) {
  return made_by(chain_step_maker(seed), count);
}

namespace {

steps read_steps(std::span<const std::uint8_t> bytes, std::span<const verb> verbs) {
  byte_reader in(bytes);
  steps s;
  while (!in.at_end()) {
    const verb what = verbs[in.byte() % verbs.size()];
    switch (what) {
    case verb::allocate:
    case verb::at_least:
      s.push_back({what, in.size(), 1u << in.byte() % 16, 0});
      break;
    case verb::segment:
    case verb::try_segment:
    case verb::span:
      s.push_back({what, in.size(), 0, 0});
      break;
    case verb::burst:
      s.push_back({what, in.size() % 4097, 1u << in.byte() % 8, in.byte() * 4});
      break;
    case verb::reserve:
      s.push_back({what, 1 + in.size() % 4096, 1u << in.byte() % 8, in.byte()});
      break;
    case verb::drain:
      s.push_back({what, in.number(), in.byte() * 8, 0});
      break;
    case verb::misuse:
      s.push_back({what, in.number(), in.byte(), in.number()});
      break;
    case verb::refuse:
      s.push_back({what, in.byte() % 8, 1 + in.byte() % 8, 0});
      break;
    case verb::thread:
      s.push_back({what, in.byte() % most_threads, 0, 0});
      break;
    case verb::exit:
      s.push_back({what, 1 + in.byte() % (most_threads - 1), 0, 0});
      break;
    default: {
      std::uint32_t operands[3] = {};
      for (std::size_t i = 0; i < operands_of(what); ++i) operands[i] = in.number();
      s.push_back({what, operands[0], operands[1], operands[2]});
    }
    }
  }
  return s;
}

} // namespace

steps pool_steps_of(std::span<const std::uint8_t> bytes) {
  constexpr verb verbs[] = {verb::allocate, verb::at_least, verb::burst, verb::free,
                            verb::drain,    verb::reserve,  verb::trim,  verb::release,
                            verb::refuse,   verb::thread,   verb::exit,  verb::misuse};
  return read_steps(bytes, verbs);
}

steps segment_steps_of(std::span<const std::uint8_t> bytes) {
  constexpr verb verbs[] = {verb::segment, verb::try_segment, verb::span,    verb::allocate, verb::burst,
                            verb::free,    verb::drain,       verb::resize,  verb::hand_out, verb::share,
                            verb::slice,   verb::trim,        verb::refuse,  verb::thread,   verb::exit,
                            verb::let_go,  verb::release,     verb::abandon, verb::misuse};
  return read_steps(bytes, verbs);
}

steps chain_steps_of(std::span<const std::uint8_t> bytes) {
  constexpr verb verbs[] = {verb::append, verb::prepend, verb::push,   verb::consume, verb::split,
                            verb::copy,   verb::trim,    verb::refuse, verb::thread,  verb::exit};
  return read_steps(bytes, verbs);
}

} // namespace quarry::test
