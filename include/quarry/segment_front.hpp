// The hot path of segments: what a handle knows, and how it gets and gives its block. Rung 5.
#pragma once

#include <cstddef>

#include <quarry/block_record.hpp>
#include <quarry/magazine.hpp>
#include <quarry/thread_table.hpp>

namespace quarry::detail {

class segment_front;

/// What a handle knows of its block. Without a record it is the empty array, or nothing at all.
struct segment_block {
  std::byte* data = nullptr;
  std::size_t capacity = 0;
  block_record* record = nullptr;
  segment_front* front = nullptr;
};

/// What comes from the cold path: in two registers, so that a handle need not be in memory.
struct recorded_block {
  block_record* record;
  std::size_t capacity;

  std::byte* data() const noexcept { return record->address.load_relaxed(); }
};

/// What of a segment_core is known here; the rest is behind it, unseen. As its pool's handles it may outlive
/// the pool.
class segment_front {
public:
  // What is less than this gets a block of this: a record for less would be too much.
  static constexpr std::size_t least_block = 64;

  segment_front(const segment_front&) = delete;
  segment_front& operator=(const segment_front&) = delete;

  /// Offset of the last byte of what a handle is to get; huge for 0 bytes.
  static std::size_t last_of(std::size_t minimum_size) noexcept {
    return minimum_size - 1 < least_block ? least_block - 1 : minimum_size - 1;
  }

  /// A block for a handle, of the class of `last`; null when the cold path must see to it.
  block_record* take(std::size_t last) noexcept {
    magazine_set& set = *this_thread_table.sets[table_index_];
    if (last >= hot_limit_ || !set.serves(this)) [[unlikely]]
      return nullptr;
    auto* const record = static_cast<block_record*>(set.pop_shared(computed_class_of_last(last)));
    if (record != nullptr) [[likely]]
      record->set_live(block_holder::handle);
    return record;
  }

  /// Frees what a handle has. While busy, and the magazine is open, the end of the pool waits for us.
  void give(block_record& record, std::size_t capacity) noexcept {
    const std::size_t last = capacity - 1;
    magazine_set& set = *this_thread_table.sets[table_index_];
    if (last < free_limit_ && set.serves(this) && record.is_handles()) [[likely]] {
      set.enter();
      const bool pushed = set.push(computed_class_of_last(last), &record);
      if (pushed) [[likely]]
        record.free_from_handle();
      set.leave();
      if (pushed) [[likely]]
        return;
    }
    give_cold(record);
  }
  void give_cold(block_record& record) noexcept;

protected:
  segment_front(std::size_t table_index, std::size_t hot_limit, bool wipes) noexcept
      : table_index_(table_index), hot_limit_(hot_limit), free_limit_(wipes ? 0 : hot_limit) {}
  ~segment_front() = default;

  const std::size_t table_index_; // where in this_thread_table
  const std::size_t hot_limit_;   // requests that end at or beyond it take the cold path
  const std::size_t free_limit_;  // the same for frees
};

} // namespace quarry::detail
