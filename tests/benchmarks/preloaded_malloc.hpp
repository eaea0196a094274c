// What the malloc in use keeps of freed memory goes back to the system, by the call that the C library,
// mimalloc, jemalloc or tcmalloc has for it: every subject is to start with none.
#pragma once

namespace quarry_bench {

void give_back_malloc();

} // namespace quarry_bench
