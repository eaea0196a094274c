// From calls to the events of a trace: numbers for blocks and threads, totals, a buffer.
#pragma once

#include "trace_file.hpp"

#include <array>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace quarry::detail {

/// Thread-safe. The order of the calls is the order of the events.
class trace_recorder {
public:
  explicit trace_recorder(std::filesystem::path path);
  trace_recorder(const trace_recorder&) = delete;
  trace_recorder& operator=(const trace_recorder&) = delete;
  ~trace_recorder();

  void allocated(const void* block, std::size_t bytes, std::size_t alignment) noexcept;
  void deallocated(const void* block) noexcept;
  std::error_code error() const noexcept;

private:
  struct live_block {
    std::uint64_t id, size;
  };
  struct books {
    std::pmr::unsynchronized_pool_resource memory;
    std::pmr::unordered_map<const void*, live_block> live;
    std::pmr::unordered_map<std::uint64_t, std::uint64_t> thread_numbers;
    books();
  };
  static constexpr std::ptrdiff_t buffer_bytes = 4096; // what a process that is killed loses
  static constexpr std::ptrdiff_t largest_event = 30;  // three varints

  template <class Record>
  void recorded(Record record) noexcept;
  std::uint64_t thread_number();
  void put(std::uint64_t number) noexcept { end_ = put_varint(end_, number); }
  void put_head(std::uint64_t thread, bool deallocation) noexcept;
  std::error_code write_out() noexcept;
  void report() const noexcept;

  const std::filesystem::path path_;
  mutable std::mutex mutex_;   // guards all that follows
  std::optional<books> books_; // while the recording goes on
  std::error_code error_;
  trace_totals totals_;          // events in the buffer included
  std::uint64_t live_bytes_ = 0; // in the books
  std::array<std::uint8_t, buffer_bytes> buffer_;
  std::uint8_t* end_ = buffer_.data(); // of the events in the buffer
  trace_file file_;
};

} // namespace quarry::detail
