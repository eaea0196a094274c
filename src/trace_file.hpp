// A file of the format QTRACE1 that is a valid trace after every write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <system_error>

#include <sys/types.h>

namespace quarry::detail {

/// What the header of a trace says.
struct trace_totals {
  std::uint64_t threads = 0, allocations = 0, events = 0, peak_live_bytes = 0;
};

/// Writes `value` as unsigned LEB128 and returns the end of it. At most 10 bytes.
inline std::uint8_t* put_varint(std::uint8_t* to, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::uint8_t>(value | 0x80);
  *to++ = static_cast<std::uint8_t>(value);
  return to;
}

// bytes of the file = header + events that the header counts, after every append that succeeded
class trace_file {
public:
  /// Throws std::filesystem::filesystem_error when the file cannot be made.
  explicit trace_file(const std::filesystem::path& path);
  trace_file(const trace_file&) = delete;
  trace_file& operator=(const trace_file&) = delete;
  ~trace_file();

  /// Adds whole events, then brings the header up to date with them. When it fails, the file is as before.
  std::error_code append(std::span<const std::uint8_t> events, const trace_totals& with_them) noexcept;

private:
  std::error_code write_at(off_t offset, std::span<const std::uint8_t> bytes) const noexcept;

  int file_;
  pid_t owner_; // a forked child has the file open, too
  off_t end_ = 0;
};

} // namespace quarry::detail
