// Memory straight from the operating system. Wrappers beside the ladder.
#pragma once

#include <cstddef>
#include <memory_resource>

#include <quarry/atomic_word.hpp>

namespace quarry {

/// The resource whose blocks are whole pages of the operating system, at any power-of-two alignment; never
/// destroyed. Allocation throws std::bad_alloc when the system has no more; deallocation unmaps at once.
std::pmr::memory_resource* page_resource() noexcept;

/// What page_memory_resource is to ask for beyond plain pages.
struct page_options {
  /// Pages of 2 MiB: from the system's reserve of them, else transparent ones. Blocks are then whole ones, so
  /// sizes are rounded up to 2 MiB, and are there when allocate returns, as with `prefault`.
  bool huge_pages = false;
  bool lock = false;     ///< never swapped out
  int numa_node = -1;    ///< from this node while it has memory, then from others; -1: no wish
  bool prefault = false; ///< there when allocate returns: no page faults later
};

/// As page_resource(), with wishes. A wish the system does not grant (no huge page left, no such node, the
/// limit on locked memory reached) costs nothing but itself: the block is given without. Thread-safe.
class page_memory_resource final : public std::pmr::memory_resource {
public:
  explicit page_memory_resource(page_options wishes = {}) noexcept;
  page_memory_resource(const page_memory_resource&) = delete;
  page_memory_resource& operator=(const page_memory_resource&) = delete;

  /// The wishes, as constructed.
  page_options options() const noexcept { return wishes_; }

  /// The wishes that were granted to every block so far; the others read as not wished. Huge pages count when
  /// they are known to be there, which kernels before 6.1 tell of reserved ones only; a node counts when
  /// the system accepted it as the preferred one.
  page_options granted() const noexcept;

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::size_t size_of_block(std::size_t bytes) const noexcept;
  void note(const page_options& got) noexcept;

  const page_options wishes_;
  // What granted() says: the wishes, each taken back at the first block that did without.
  detail::atomic_word<bool> huge_pages_, lock_, prefault_;
  detail::atomic_word<int> numa_node_;
};

} // namespace quarry
