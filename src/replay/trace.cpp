#include "trace.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

namespace quarry_replay {
namespace {

constexpr std::string_view magic = "QTRACE1\n";
constexpr std::size_t smallest_event = 2; // an event is at least two varints of one byte
constexpr std::size_t padded_header = magic.size() + 40;
constexpr std::size_t most_uncounted = 4096;
constexpr std::uint64_t largest_thread_count = std::uint64_t{1} << 20;
constexpr std::uint64_t largest_alignment_log2 = 55; // processes have addresses of at most 56 bits
constexpr std::uint64_t most_live_bytes = (std::uint64_t{1} << 56) - 1;

class parser {
public:
  explicit parser(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  trace run() {
    read_header();
    while (result_.events.size() < event_count_) read_event();
    check_totals();
    return std::move(result_);
  }

private:
  [[noreturn]] void fail(const std::string& what) const {
    throw trace_error("byte " + std::to_string(at_) + ": " + what);
  }

  void require(bool holds, const char* what) const {
    if (!holds) fail(what);
  }

  // Unsigned LEB128; padding with zero groups up to 10 bytes is allowed, a value above 64 bits is not.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      require(at_ < bytes_.size(), "the trace ends inside a number");
      const std::uint8_t byte = bytes_[at_++];
      require(shift < 63 || (byte & 0x7f) <= 1, "a number does not fit 64 bits");
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    fail("a number is longer than 10 bytes");
  }

  void read_header() {
    require(begins_as_trace(bytes_), "not a QTRACE1 trace");
    at_ = magic.size();
    const auto threads = varint(), allocations = varint();
    event_count_ = varint();
    const auto peak = varint();
    padded_ = at_ == padded_header;
    require(threads <= largest_thread_count, "more threads than a trace can have");
    require(event_count_ <= (bytes_.size() - at_) / smallest_event, "fewer bytes than the events need");
    require(allocations <= event_count_, "more allocations than events");
    require(event_count_ <= std::numeric_limits<std::uint32_t>::max(), "more events than 32 bits count");
    result_.thread_count = threads;
    result_.peak_live_bytes = peak;
    allocation_count_ = allocations;
    result_.blocks.reserve(allocations);
    result_.events.reserve(event_count_);
    live_.reserve(allocations);
  }

  void read_event() {
    const auto head = varint();
    const auto thread = head >> 1;
    require(thread < result_.thread_count, "a thread number beyond thread_count");
    require(thread <= threads_seen_, "threads are not numbered in order of appearance");
    threads_seen_ = std::max(threads_seen_, thread + 1);
    const bool deallocation = (head & 1) != 0;
    const auto block = deallocation ? read_deallocation() : read_allocation();
    result_.events.push_back({block, static_cast<std::uint32_t>(thread) & 0x7fffffffu, deallocation});
  }

  std::uint32_t read_allocation() {
    const auto size = varint(), alignment_log2 = varint();
    require(result_.blocks.size() < allocation_count_, "more allocations than the header says");
    require(size >= 1 && size <= most_live_bytes - live_bytes_, "a size out of range");
    require(alignment_log2 <= largest_alignment_log2, "an alignment out of range");
    result_.blocks.push_back({size & most_live_bytes, static_cast<std::uint8_t>(alignment_log2)});
    live_.push_back(true);
    live_bytes_ += size;
    peak_ = std::max(peak_, live_bytes_);
    return static_cast<std::uint32_t>(result_.blocks.size() - 1);
  }

  std::uint32_t read_deallocation() {
    const auto back = varint();
    require(back < result_.blocks.size(), "a deallocation of a block before the first");
    const auto block = result_.blocks.size() - 1 - back;
    require(live_[block], "a deallocation of a block that is not live");
    live_[block] = false;
    live_bytes_ -= result_.blocks[block].size;
    return static_cast<std::uint32_t>(block);
  }

  void check_totals() {
    const auto uncounted = bytes_.size() - at_;
    require(uncounted == 0 || (padded_ && uncounted <= most_uncounted), "bytes after the last event");
    require(result_.blocks.size() == allocation_count_, "fewer allocations than the header says");
    require(threads_seen_ == result_.thread_count, "fewer threads than the header says");
    require(peak_ == result_.peak_live_bytes, "peak_live_bytes is not the peak of the events");
    result_.uncounted_bytes = uncounted;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool padded_ = false;
  std::uint64_t allocation_count_ = 0, event_count_ = 0, threads_seen_ = 0, live_bytes_ = 0, peak_ = 0;
  std::vector<bool> live_;
  trace result_;
};

} // namespace

bool begins_as_trace(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

trace parse_trace(std::span<const std::uint8_t> bytes) { return parser(bytes).run(); }

trace read_trace(const std::filesystem::path& file) {
  const auto bytes = read_trace_bytes(file);
  try {
    return parse_trace(bytes);
  } catch (const trace_error& error) {
    throw trace_error(file.string() + ": " + error.what());
  }
}

} // namespace quarry_replay
