// A recorded allocation trace (format QTRACE1): which thread asked for how much, in what order, and which
// block each deallocation was of. What is read here has been checked whole: ids in range, every block
// allocated before it is freed and freed at most once, totals as the header says.
//
// A recording (which has its header's numbers padded to 10 bytes) may have up to 4 KiB behind the last event:
// what its process wrote before it was killed, and had not counted in the header yet. They are left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <vector>

namespace quarry_replay {

struct trace_block {
  std::uint64_t size : 56; // so that a block takes 8 bytes
  std::uint8_t alignment_log2;
  std::size_t alignment() const { return std::size_t{1} << alignment_log2; }
};

struct trace_event {
  std::uint32_t block; // index into trace::blocks
  std::uint32_t thread : 31;
  std::uint32_t is_deallocation : 1;
};

struct trace {
  std::size_t thread_count = 0;
  std::size_t peak_live_bytes = 0;
  std::vector<trace_block> blocks; // in the order of their allocation
  std::vector<trace_event> events;
  std::size_t uncounted_bytes = 0; // behind the last event: the recording process was killed
};

// Says in one line what is wrong with which file.
struct trace_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Reads a plain (.qtrace) or packed (.qtrace.xz) trace; throws trace_error.
trace read_trace(const std::filesystem::path& file);

// The same for bytes already in memory, not packed.
trace parse_trace(std::span<const std::uint8_t> bytes);

// Whether the first bytes are those of an unpacked trace.
bool begins_as_trace(std::span<const std::uint8_t> bytes);

// The bytes of a file, unpacked when it is an xz stream. No more are read than it takes to see that they are
// none of a trace.
std::vector<std::uint8_t> read_trace_bytes(const std::filesystem::path& file);

} // namespace quarry_replay
