// The engine behind libFuzzer: the first byte chooses the subject, the others are its script.
#include "engine.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quarry::test;
  if (size == 0) return -1; // not worth keeping
  const auto kinds = subject_kinds();
  const subject_kind& on = kinds[data[0] % kinds.size()];
  const steps s = on.steps_of({data + 1, size - 1});
  const outcome seen = run(s, on, {16});
  if (!seen.failed()) return 0;
  std::fprintf(stderr, "%s, at step %zu; the script, for fuzz --replay:\n%s\n", seen.failure.c_str(), seen.at,
               to_text({std::string(on.name), s}).c_str());
  std::abort();
}
