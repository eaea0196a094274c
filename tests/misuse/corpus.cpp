#include "corpus.hpp"

namespace misuse {

std::vector<way> ways() {
  return {{"raw calls", raw_calls()},
          {"pmr containers", containers()},
          {"typed allocators", typed_allocators()},
          {"segments", segments()}};
}

void scribble(void* where) { *static_cast<volatile unsigned char*>(where) = 0x2A; }

} // namespace misuse
