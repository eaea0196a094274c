// A set of magazines and its pool core: how all blocks leave it, and whether they are where they should be.
// Rung 5.
#pragma once

#include "pool_core.hpp"
#include <quarry/magazine.hpp>

namespace quarry::detail {

// The owner of the set must be out.

/// Flushes the magazine of class `c`, or every one.
void flush_class(pool_core& core, pool_core::flushed& f, magazine_set& set, size_class c) noexcept;
void flush_set(pool_core& core, pool_core::flushed& f, magazine_set& set) noexcept;
/// Hands on what there is room for, and flushes the rest.
void hand_on_class(pool_core& core, pool_core::flushed& f, magazine_set& set, size_class c) noexcept;
void hand_on_set(pool_core& core, pool_core::flushed& f, magazine_set& set) noexcept;

/// Throws std::logic_error when a block in a magazine is not one of its class that its slab has as used.
void check_set(const pool_core& core, const magazine_set& set);

} // namespace quarry::detail
