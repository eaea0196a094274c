// The reader of recorded traces: what it reads, and that no corrupt input gets past it.
#include "replay/trace.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>
#include <lzma.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <random>
#include <string>

namespace {

using quarry_replay::parse_trace;
using quarry_replay::read_trace;
using quarry_replay::trace_error;

using bytes = std::vector<std::uint8_t>;

void put_varint(bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

bytes with_magic(std::initializer_list<std::uint64_t> numbers) {
  bytes out{'Q', 'T', 'R', 'A', 'C', 'E', '1', '\n'};
  for (const auto number : numbers) put_varint(out, number);
  return out;
}

// Thread 0 allocates 100 bytes at 16 and 24 at 8; thread 1 frees the first.
const bytes sound = with_magic({2, 2, 3, 124, /**/ 0, 100, 4, /**/ 0, 24, 3, /**/ 3, 1});

std::string message_about(const bytes& input) {
  try {
    parse_trace(input);
  } catch (const trace_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Trace, ReadsBlocksAndEvents) {
  const auto trace = parse_trace(sound);
  EXPECT_EQ(trace.thread_count, 2u);
  EXPECT_EQ(trace.peak_live_bytes, 124u);
  ASSERT_EQ(trace.blocks.size(), 2u);
  EXPECT_EQ(trace.blocks[0].size, 100u);
  EXPECT_EQ(trace.blocks[0].alignment(), 16u);
  EXPECT_EQ(trace.blocks[1].size, 24u);
  EXPECT_EQ(trace.blocks[1].alignment(), 8u);
  ASSERT_EQ(trace.events.size(), 3u);
  EXPECT_FALSE(trace.events[1].is_deallocation);
  EXPECT_EQ(trace.events[1].block, 1u);
  EXPECT_EQ(trace.events[1].thread, 0u);
  EXPECT_TRUE(trace.events[2].is_deallocation);
  EXPECT_EQ(trace.events[2].block, 0u);
  EXPECT_EQ(trace.events[2].thread, 1u);
}

TEST(Trace, ReadsLargeSizesAndAlignments) {
  const std::uint64_t size = std::uint64_t{5} << 30, largest = (std::uint64_t{1} << 56) - 1;
  const auto trace =
      parse_trace(with_magic({1, 2, 3, largest, /**/ 0, size, 33, /**/ 1, 0, /**/ 0, largest, 55}));
  EXPECT_EQ(trace.peak_live_bytes, largest);
  ASSERT_EQ(trace.blocks.size(), 2u);
  EXPECT_EQ(trace.blocks[0].size, size);
  EXPECT_EQ(trace.blocks[0].alignment(), std::size_t{1} << 33);
  EXPECT_EQ(trace.blocks[1].size, largest);
  EXPECT_EQ(trace.blocks[1].alignment(), std::size_t{1} << 55);
}

// As a recording_resource writes it, and leaves it when its process is killed.
bytes recording(std::initializer_list<std::uint64_t> totals, std::initializer_list<std::uint8_t> events) {
  bytes out = with_magic({});
  for (auto total : totals) {
    for (int group = 0; group < 9; ++group, total >>= 7)
      out.push_back(static_cast<std::uint8_t>(total | 0x80));
    out.push_back(static_cast<std::uint8_t>(total));
  }
  out.insert(out.end(), events);
  return out;
}

TEST(Trace, ReadsNumbersPaddedToTenBytes) {
  EXPECT_TRUE(parse_trace(recording({0, 0, 0, 0}, {})).events.empty());
  EXPECT_EQ(parse_trace(recording({1, 1, 1, 8}, {0, 8, 3})).events.size(), 1u);
}

TEST(Trace, LeavesOutWhatTheHeaderOfARecordingDoesNotCount) {
  const auto trace = parse_trace(recording({1, 1, 1, 8}, {0, 8, 3, /**/ 0, 16, 4, /**/ 0}));
  EXPECT_EQ(trace.events.size(), 1u);
  EXPECT_EQ(trace.peak_live_bytes, 8u);
  EXPECT_EQ(trace.uncounted_bytes, 4u);

  bytes too_much = recording({1, 1, 1, 8}, {0, 8, 3});
  too_much.insert(too_much.end(), 4097, 0);
  EXPECT_NE(message_about(too_much).find("after the last event"), std::string::npos);
}

TEST(Trace, SaysWhatIsWrong) {
  struct {
    bytes input;
    const char* message;
  } const cases[] = {
      {{}, "not a QTRACE1 trace"},
      {{'Q', 'T', 'R', 'A', 'C', 'E', '2', '\n'}, "not a QTRACE1 trace"},
      {with_magic({1, 1}), "ends inside a number"},
      {with_magic({std::uint64_t{1} << 40, 0, 0, 0}), "more threads"},
      {with_magic({1, 1, 1000, 8, 0, 8, 3}), "fewer bytes than the events need"},
      {with_magic({1, 2, 1, 8, 0, 8, 3}), "more allocations than events"},
      {with_magic({1, 1, 1, 8, 2, 8, 3}), "beyond thread_count"},
      {with_magic({2, 1, 1, 8, 2, 8, 3}), "order of appearance"},
      {with_magic({1, 1, 1, 8, 0, 0, 3}), "size out of range"},
      {with_magic({1, 1, 1, 8, 0, std::uint64_t{1} << 56, 3}), "size out of range"},
      {with_magic({1, 2, 2, 8, 0, std::uint64_t{1} << 55, 3, 0, std::uint64_t{1} << 55, 3}),
       "size out of range"}, // with the other one
      {with_magic({1, 1, 1, 8, 0, 8, 56}), "alignment out of range"},
      {with_magic({1, 0, 1, 0, 1, 0}), "before the first"},
      {with_magic({1, 1, 2, 8, 0, 8, 3, 1, 1}), "before the first"},
      {with_magic({1, 1, 3, 8, 0, 8, 3, 1, 0, 1, 0}), "not live"},
      {with_magic({1, 1, 2, 16, 0, 8, 3, 0, 8, 3}), "more allocations than the header says"},
      {with_magic({1, 2, 2, 8, 0, 8, 3, 1, 0}), "fewer allocations than the header says"},
      {with_magic({2, 1, 1, 8, 0, 8, 3}), "fewer threads than the header says"},
      {with_magic({1, 1, 1, 9, 0, 8, 3}), "peak_live_bytes"},
      {with_magic({1, 1, 1, 8, 0, 8, 3, 0}), "after the last event"},
  };
  for (const auto& [input, message] : cases)
    EXPECT_NE(message_about(input).find(message), std::string::npos)
        << "expected: " << message << "; got: " << message_about(input);
}

TEST(Trace, RefusesNumbersBeyond64Bits) {
  bytes too_long = with_magic({});
  too_long.insert(too_long.end(), 10, 0x80);
  EXPECT_NE(message_about(too_long).find("longer than 10 bytes"), std::string::npos);
  too_long.back() = 0x02;
  EXPECT_NE(message_about(too_long).find("does not fit 64 bits"), std::string::npos);
}

TEST(Trace, RefusesEveryTruncation) {
  for (std::size_t length = 0; length < sound.size(); ++length)
    EXPECT_THROW(parse_trace(std::span(sound).first(length)), trace_error) << length;
}

// Whatever a changed byte makes of the trace, it is refused or it is sound.
TEST(Trace, SurvivesEveryChangedByte) {
  std::size_t refused = 0;
  for (std::size_t at = 0; at < sound.size(); ++at)
    for (unsigned value = 0; value < 256; ++value) {
      bytes changed = sound;
      changed[at] = static_cast<std::uint8_t>(value);
      try {
        const auto trace = parse_trace(changed);
        for (const auto& event : trace.events) {
          ASSERT_LT(event.block, trace.blocks.size());
          ASSERT_LT(event.thread, trace.thread_count);
        }
      } catch (const trace_error&) {
        ++refused;
      }
    }
  EXPECT_GT(refused, sound.size() * 200);
}

// A trace with all there is in one: threads, frees of others' blocks, large numbers.
bytes long_trace(std::mt19937& random) {
  constexpr std::uint64_t events = 300;
  bytes body;
  std::vector<std::uint64_t> live, sizes;
  std::uint64_t threads = 0, live_bytes = 0, peak = 0;
  for (std::uint64_t i = 0; i < events; ++i) {
    const std::uint64_t thread = random() % std::min<std::uint64_t>(threads + 1, 5);
    threads = std::max(threads, thread + 1);
    const bool deallocates = !live.empty() && random() % 2 == 0;
    put_varint(body, thread << 1 | std::uint64_t{deallocates});
    if (deallocates) {
      std::swap(live[random() % live.size()], live.back());
      put_varint(body, sizes.size() - 1 - live.back());
      live_bytes -= sizes[live.back()];
      live.pop_back();
    } else {
      live.push_back(sizes.size());
      sizes.push_back(1 + random() % (std::uint64_t{1} << random() % 32));
      if (random() % 16 == 0) sizes.back() <<= random() % 16;
      live_bytes += sizes.back();
      peak = std::max(peak, live_bytes);
      put_varint(body, sizes.back());
      put_varint(body, random() % 13);
    }
  }
  bytes whole = with_magic({threads, sizes.size(), events, peak});
  whole.insert(whole.end(), body.begin(), body.end());
  return whole;
}

void mutate(bytes& input, std::mt19937& random) {
  const auto at = input.begin() + static_cast<std::ptrdiff_t>(random() % input.size());
  switch (random() % 5) {
  case 0: // another value
    *at = static_cast<std::uint8_t>(random());
    break;
  case 1: // another bit
    *at ^= static_cast<std::uint8_t>(1u << random() % 8);
    break;
  case 2:
    input.erase(at);
    break;
  case 3:
    input.insert(at, static_cast<std::uint8_t>(random()));
    break;
  default: // cut short
    input.erase(at, input.end());
  }
}

// Whatever is read of a damaged trace is sound in itself, and no larger than its bytes allow.
TEST(Trace, SurvivesRandomDamage) {
  constexpr unsigned seeds = 20'000 / quarry::test::sanitizer_slowdown;
  std::size_t refused = 0, read = 0;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    std::mt19937 random(seed);
    bytes damaged = long_trace(random);
    for (unsigned times = random() % 4; times > 0 && !damaged.empty(); --times) mutate(damaged, random);
    try {
      const auto trace = parse_trace(damaged);
      ++read;
      ASSERT_LE(trace.events.capacity(), damaged.size()) << "seed " << seed;
      ASSERT_LE(trace.blocks.capacity(), damaged.size()) << "seed " << seed;
      std::vector<int> events_of(trace.blocks.size());
      for (const auto& event : trace.events) {
        ASSERT_LT(event.thread, trace.thread_count) << "seed " << seed;
        ASSERT_LT(event.block, trace.blocks.size()) << "seed " << seed;
        ASSERT_EQ(events_of[event.block]++, event.is_deallocation) << "seed " << seed;
      }
    } catch (const trace_error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, seeds / 2);
  EXPECT_GT(read, seeds / 5); // a quarter is not damaged
}

class TraceFile : public testing::Test {
protected:
  void write(const bytes& content) {
    std::ofstream(file_, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
  std::string message() const {
    try {
      read_trace(file_);
    } catch (const trace_error& error) {
      return error.what();
    }
    return "no error";
  }
  void TearDown() override { std::filesystem::remove(file_); }

  const std::filesystem::path file_ =
      std::filesystem::path(testing::TempDir()) /
      (std::string("quarry_") + testing::UnitTest::GetInstance()->current_test_info()->name() + ".qtrace");
};

bytes packed(const bytes& content) {
  bytes out(lzma_stream_buffer_bound(content.size()));
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, nullptr, content.data(), content.size(), out.data(),
                                    &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

TEST_F(TraceFile, IsReadPlainAndPacked) {
  write(sound);
  EXPECT_EQ(read_trace(file_).events.size(), 3u);
  write(packed(sound));
  EXPECT_EQ(read_trace(file_).events.size(), 3u);
}

TEST_F(TraceFile, SaysInOneLineWhichFileIsWrong) {
  const auto expect = [&](const char* what) {
    EXPECT_NE(message().find(file_.string() + ": "), std::string::npos) << message();
    EXPECT_NE(message().find(what), std::string::npos) << message();
    EXPECT_EQ(message().find('\n'), std::string::npos) << message();
  };
  expect("cannot be read"); // there is none yet

  bytes xz = packed(sound);
  xz.erase(xz.end() - 8, xz.end());
  write(xz);
  expect("cut short");

  xz = packed(sound);
  xz[xz.size() / 2] ^= 0x10;
  write(xz);
  expect("corrupt");

  write(packed(bytes(3 << 20, 'x')));
  expect("not a QTRACE1 trace");

  write(packed(with_magic({1, 0, 1, 0, 1, 0})));
  expect("before the first");
}

// The device gives bytes without end.
TEST(TracePath, OfAnotherKindIsNotReadToItsEnd) { EXPECT_THROW(read_trace("/dev/zero"), trace_error); }

TEST(TracePath, OfAFolderIsRefused) { EXPECT_THROW(read_trace(testing::TempDir()), trace_error); }

} // namespace
