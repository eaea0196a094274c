// Blocks too large for any pool: upstream's, remembered in a side table. Rung 3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "late.hpp"
#include "optional_mutex.hpp"
#include "upstream.hpp"
#include "usage.hpp"

namespace quarry::detail {

// An open-addressed table by address, at most three quarters full, the first one but for one entry. The first
// one is inside, so that a few oversized blocks are one upstream call each; the next has 64 entries, others
// twice as many as the one before.
//
//   blocks = entries with an address;  bytes = Σ their sizes
/// Synchronized by its own mutex, never held over an upstream call.
class oversized {
public:
  oversized(upstream& up, usage& use, bool shared) noexcept : up_(up), usage_(use), mutex_(shared) {}

  /// Throws what upstream throws, and then nothing has changed.
  void* allocate(std::size_t bytes, std::size_t alignment);

  /// Gives the block upstream, or says why it is none of this table's; then nothing has changed.
  enum class outcome { freed, unknown, wrong_size, wrong_alignment };
  outcome deallocate(void* address, std::size_t bytes, std::size_t alignment) noexcept;

  bool owns(const void* address) const noexcept;
  std::size_t blocks() const noexcept;
  std::size_t bytes() const noexcept;

  /// Takes everything away, the table included, to be given upstream.
  struct everything;
  everything remove_all() noexcept;
  void give_back(const everything&) noexcept;
  void check_invariants() const;

private:
  struct entry {
    std::byte* address = nullptr;
    std::size_t bytes = 0;
    std::size_t alignment = 0;
  };
  static constexpr std::size_t first_count = 9;
  using first_table = std::array<entry, first_count>;

  bool is_first() const noexcept { return count_ == first_count; }
  std::size_t start_of(const void* address) const noexcept;
  bool has_room() const noexcept {
    return std::size_t{blocks_} + promised_ + 1 <= (is_first() ? count_ - 1 : count_ / 4 * 3);
  }
  void grow();
  void put(const entry& e) noexcept;
  void erase(std::size_t index) noexcept;
  std::size_t index_of(const void* address) const noexcept;

  upstream& up_;
  usage& usage_;
  mutable optional_mutex mutex_;
  late<first_table> first_;
  entry* entries_ = nullptr;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::uint32_t blocks_ = 0;
  std::uint32_t promised_ = 0; // entries set aside for allocations under way
};

struct oversized::everything {
  first_table first;
  entry* table; // null where it was the first one, or none
  std::size_t count;
};

} // namespace quarry::detail
