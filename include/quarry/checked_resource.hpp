// A resource around a resource that finds misuse of it. Beside the ladder.
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <vector>

#include <quarry/allocation_result.hpp>
#include <quarry/call_site.hpp>
#include <quarry/violation.hpp>

namespace quarry {

/// A block that was allocated and not freed.
struct leaked_block {
  void* address;
  std::size_t size, alignment;
  call_site site; ///< of its allocation
};

/// Wraps any resource and finds every violation_kind, exactly to the byte and whatever upstream is:
///
/// - each block lies between guards, and what it is is kept in a table out of its reach;
/// - a freed block waits in quarantine, filled, before it goes upstream, and late writes are found when it
///   leaves. Its description stays a while longer, so that a second free is still told from a foreign one;
/// - what is live at destruction is reported as leaks and then freed.
///
/// Reports go to the handler given, else to the process-wide one, with no lock held: it may use the resource.
/// When it returns, a double free, wrong size or alignment, or foreign pointer has done nothing; after an
/// overrun, underrun, late write or leak the free has taken place.
///
/// Thread-safe; calls upstream never overlap, so upstream need not be. A block costs its alignment (at least
/// 64 bytes) and 64 bytes more, and each call a walk up the stack. Upstream must not be released under it.
///
/// Sources: guards and fills are Electric Fence's and the Visual C++ debug heap's, quarantine is
/// AddressSanitizer's.
class checked_resource : public std::pmr::memory_resource {
public:
  /// What fills the bytes around a block, a new block, and a freed one.
  static constexpr std::byte guard_fill{0xFB}, allocated_fill{0xCB}, freed_fill{0xDB};

  /// What is in quarantine goes upstream, oldest first, when it is more than this; so it all does when
  /// upstream fails, before the failure reaches the caller. As many freed blocks again are remembered.
  static constexpr std::size_t quarantine_bytes = std::size_t{16} << 20, quarantine_blocks = 8192;

  /// At destruction as many leaks are reported one by one, and the others as one.
  static constexpr std::size_t reported_leaks = 64;

  /// Throws std::bad_alloc.
  explicit checked_resource(std::pmr::memory_resource* upstream, violation_handler = {});
  ~checked_resource() override;
  checked_resource(const checked_resource&) = delete;
  checked_resource& operator=(const checked_resource&) = delete;

  std::pmr::memory_resource* upstream_resource() const noexcept;

  /// The live blocks, in the order they were allocated. Throws std::bad_alloc.
  std::vector<leaked_block> leaks() const;

  /// As the pools' (so that pool_allocator<T, checked_resource> is complete), with the exact size: not a byte
  /// beyond it goes unnoticed.
  [[nodiscard]] allocation_result<void*>
  allocate_at_least(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return {allocate(bytes, alignment), bytes};
  }

private:
  struct state;

  /// Throws what upstream throws, or std::bad_alloc; then nothing has changed.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::unique_ptr<state> state_;
};

} // namespace quarry
