// Where a thread finds its magazines. Rung 5; on the hot path of pools that threads share.
#pragma once

#include <cstddef>

namespace quarry::detail {

struct magazine_set;

// A direct-mapped table, no key of the system for each pool. A set that another one has displaced, or that
// belongs to a dead pool, is told by its owner and looked for in the thread's list.
inline constexpr std::size_t thread_table_size = 16;
struct thread_table {
  magazine_set* sets[thread_table_size];
};
[[gnu::tls_model("initial-exec")]] extern constinit thread_local thread_table this_thread_table;

/// The set of the default pool, which lives for ever: no owner to compare.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local magazine_set* this_thread_default_set;

} // namespace quarry::detail
