// Regions: what can be pinned and registered with the kernel. Rung 0.
#pragma once

#include <cstddef>
#include <span>

namespace quarry {

/// Memory that upstream gave for segments. Ids are small numbers: one that was given back is used again.
struct region {
  std::size_t id;
  std::span<std::byte> memory;
};

/// Told of regions as they come and go, for instance to register them with the kernel. Called with no lock
/// held but the one over calls upstream, so it may call into the pool, but not release() it. When the pool
/// ends all regions retire, also those that handles keep; then it is told nothing any more.
struct region_observer {
  virtual ~region_observer() = default;
  /// Before anything is served from it. When this throws, as when upstream does, the region goes upstream
  /// again, and the pool tries a smaller one; the request fails with what was thrown last.
  virtual void region_added(const region&) {}
  /// Before it is given back. False holds it: it serves nothing and stays until segment_pool::let_go(id) is
  /// called, not from here.
  virtual bool region_retiring(const region&) noexcept { return true; }
};

} // namespace quarry
