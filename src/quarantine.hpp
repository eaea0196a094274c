// Freed blocks that a pool keeps back while memory is poisoned, so that a use after free is found for a
// while. Rung 1.
#pragma once

#include <array>
#include <cstddef>

#include "optional_mutex.hpp"
#include <quarry/size_class.hpp>

namespace quarry::detail {

// One a pool core, of a page; for its slabs the blocks in it are in use, as those in magazines are. Also what
// stands for the pool in memcheck's books.
//
//   entries_[0, count_) from the oldest to the newest;  bytes_ = Σ their blocks
//   no block is in it twice
//   count_ ≤ most_blocks and bytes_ ≤ most_bytes whenever the mutex is free
class quarantine {
public:
  struct entry {
    void* block = nullptr;
    size_class c = 0;
    explicit operator bool() const noexcept { return block != nullptr; }
  };

  /// Throws std::bad_alloc.
  static quarantine* make(bool shared);
  static void destroy(quarantine* q) noexcept;

  /// To be held over what follows.
  optional_mutex& mutex() noexcept { return mutex_; }

  bool holds(const void* block) const noexcept;

  /// To be followed by take_surplus(), until that returns nothing.
  void put(void* block, size_class c) noexcept;

  /// The oldest block of class `c`, or null.
  void* take_oldest(size_class c) noexcept;
  /// The oldest of all, or nothing.
  entry take_oldest() noexcept { return count_ == 0 ? entry{} : take(0); }
  /// The oldest of all, or nothing when no more are held than should be.
  entry take_surplus() noexcept;

  /// All blocks of the pool are dead, those in use included.
  void forget_all() noexcept;

  /// Calls f(entry) for each.
  template <class Function>
  void for_each(Function f) const {
    for (std::size_t i = 0; i < count_; ++i) f(entries_[i]);
  }

private:
  static constexpr std::size_t page = 4096;
  static constexpr std::size_t most_blocks = 240;
  static constexpr std::size_t most_bytes = std::size_t{1} << 19; // half of what magazines may hold

  explicit quarantine(bool shared) noexcept;
  ~quarantine();
  entry take(std::size_t index) noexcept;

  optional_mutex mutex_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::array<entry, most_blocks + 1> entries_;
};

} // namespace quarry::detail
