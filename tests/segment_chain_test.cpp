#include "support/chain_text.hpp"
#include "support/sanitizers.hpp"

#include <quarry/segment_chain.hpp>
#include <quarry/segment_pool.hpp>
#include <quarry/testing.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <new>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace quarry::test;
using quarry::segment;
using quarry::segment_chain;
using quarry::segment_pool;
using quarry::shared_segment;

segment segment_with(segment_pool& pool, std::string_view text) {
  segment s = pool.allocate_segment(text.size());
  std::copy_n(as_bytes(text).begin(), text.size(), s.data());
  return s;
}

// What holds for every chain at any time.
void expect_text(const segment_chain& chain, const std::string& text) {
  ASSERT_EQ(chain.size(), text.size());
  ASSERT_EQ(chain.empty(), text.empty());
  ASSERT_EQ(text_of(chain), text);
  ASSERT_EQ(chain.iovecs().size(), std::min<std::size_t>(chain.pieces().size(), IOV_MAX));
  ASSERT_EQ(chain.iovecs().data(), chain.pieces().data());
  for (const iovec& piece : chain.pieces()) ASSERT_NE(piece.iov_len, 0u);
}

static_assert(std::is_nothrow_move_constructible_v<segment_chain>);
static_assert(std::is_nothrow_move_assignable_v<segment_chain>);
static_assert(!std::is_copy_constructible_v<segment_chain> && !std::is_copy_assignable_v<segment_chain>);

TEST(segment_chain, is_empty_at_first) {
  segment_pool pool;
  segment_chain chain(pool);
  expect_text(chain, "");
  chain.append({});
  chain.prepend({});
  chain.push_back(segment());
  chain.push_back(shared_segment());
  chain.push_back(pool.allocate_segment(0));
  chain.consume(0);
  expect_text(chain.split(0), "");
  expect_text(chain.share(), "");
  expect_text(chain, "");
}

TEST(segment_chain, appends) {
  segment_pool pool;
  for (const std::size_t size : {1u, 64u, 4095u, 4096u, 4097u, 65536u, 65537u, 300'000u}) {
    segment_chain chain(pool);
    const std::string text = some_text(size);
    chain.append(as_bytes(text));
    expect_text(chain, text);
    chain.append(as_bytes(text));
    expect_text(chain, text + text);
  }
}

TEST(segment_chain, appends_small_writes_to_few_segments) {
  segment_pool pool;
  segment_chain chain(pool);
  std::string all;
  for (unsigned i = 0; i != 20'000; ++i) {
    const std::string text = some_text(i % 65, i);
    chain.append(as_bytes(text));
    all += text;
  }
  expect_text(chain, all);
  EXPECT_LE(chain.pieces().size(), 30u);                         // 640 KB in segments of up to 64 KiB
  EXPECT_LE(pool.statistics().bytes_in_use, all.size() / 2 * 3); // not much more than is needed
}

TEST(segment_chain, prepends) {
  segment_pool pool;
  for (const std::size_t size : {1u, 255u, 256u, 257u, 4096u, 65536u, 65537u, 300'000u}) {
    segment_chain chain(pool);
    chain.append(as_bytes("body"));
    const std::string head = some_text(size);
    chain.prepend(as_bytes(head));
    expect_text(chain, head + "body");
    chain.prepend(as_bytes("more "));
    chain.append(as_bytes(" tail"));
    expect_text(chain, "more " + head + "body tail");
  }
}

TEST(segment_chain, prepends_small_writes_to_few_segments) {
  segment_pool pool;
  segment_chain chain(pool);
  std::string all;
  for (unsigned i = 0; i != 3000; ++i) {
    const std::string text = some_text(i % 65, i);
    chain.prepend(as_bytes(text));
    all.insert(0, text);
  }
  expect_text(chain, all);
  EXPECT_LE(chain.pieces().size(), 12u); // 96 KB, from 256 bytes by doubling
}

TEST(segment_chain, a_piece_too_long_for_what_is_free_is_parted) {
  segment_pool pool;
  segment_chain chain(pool);
  chain.append(as_bytes("a"));
  const auto* const first = chain.pieces().data()->iov_base;
  const std::string text = some_text(10'000);
  chain.append(as_bytes(text));
  expect_text(chain, "a" + text);
  EXPECT_EQ(chain.pieces().front().iov_base, first);
  EXPECT_GE(chain.pieces().front().iov_len, 4096u); // full
}

TEST(segment_chain, takes_segments_where_they_are) {
  segment_pool pool;
  segment_chain chain(pool);
  segment one = segment_with(pool, "one ");
  shared_segment two = segment_with(pool, "two three ").share();
  const std::vector<const void*> places{one.data(), two.data(), two.data() + 4};
  chain.push_back(std::move(one));
  chain.push_back(two);
  chain.push_back(two.slice(4, 6));
  EXPECT_FALSE(one);
  expect_text(chain, "one two three three ");
  for (std::size_t i = 0; i != places.size(); ++i) EXPECT_EQ(chain.pieces()[i].iov_base, places[i]);
}

TEST(segment_chain, appends_to_what_is_free_of_a_segment_it_was_given) {
  segment_pool pool;
  segment_chain chain(pool);
  segment s = segment_with(pool, some_text(4096));
  s.resize(5);
  const std::string text(reinterpret_cast<const char*>(s.data()), 5);
  chain.push_back(std::move(s));
  chain.append(as_bytes("more"));
  expect_text(chain, text + "more");
  EXPECT_EQ(chain.pieces().size(), 1u);
}

TEST(segment_chain, never_writes_to_a_shared_segment_it_was_given) {
  segment_pool pool;
  segment_chain chain(pool);
  const shared_segment shared = segment_with(pool, "shared unseen").share();
  chain.push_back(shared.slice(0, 6));
  chain.append(as_bytes("x"));
  chain.prepend(as_bytes("y"));
  expect_text(chain, "ysharedx");
  EXPECT_EQ(text_of(std::array{iovec{const_cast<std::byte*>(shared.data()), shared.size()}}),
            "shared unseen");
}

TEST(segment_chain, consumes) {
  segment_pool pool;
  segment_chain chain(pool);
  std::string text = some_text(100'000);
  chain.append(as_bytes(text));
  for (std::size_t count = 1; count <= chain.size(); count *= 3) {
    chain.consume(count);
    text.erase(0, count);
    expect_text(chain, text);
  }
  EXPECT_THROW(chain.consume(chain.size() + 1), std::out_of_range);
  EXPECT_THROW(chain.consume(static_cast<std::size_t>(-1)), std::out_of_range);
  expect_text(chain, text);
  chain.consume(chain.size());
  expect_text(chain, "");
  chain.append(as_bytes("again"));
  expect_text(chain, "again");
}

TEST(segment_chain, what_is_consumed_goes_back_to_the_pool) {
  segment_pool pool;
  segment_chain chain(pool);
  chain.append(as_bytes(some_text(1'000'000)));
  const auto full = pool.statistics().bytes_in_use;
  chain.consume(900'000);
  EXPECT_LE(pool.statistics().bytes_in_use, full - 800'000);
  chain = segment_chain(pool);
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
}

TEST(segment_chain, splits_without_copying) {
  segment_pool pool;
  const std::string text = some_text(20'000);
  for (const std::size_t at : {0u, 1u, 4095u, 4096u, 4097u, 10'000u, 19'999u, 20'000u}) {
    segment_chain rest(pool);
    rest.append(as_bytes(text));
    std::vector<const void*> places;
    for (const iovec& piece : rest.pieces()) places.push_back(piece.iov_base);
    segment_chain first = rest.split(at);
    expect_text(first, text.substr(0, at));
    expect_text(rest, text.substr(at));
    for (std::size_t i = 0; i != first.pieces().size(); ++i) EXPECT_EQ(first.pieces()[i].iov_base, places[i]);
    first.append(as_bytes("<end of first"));
    first.prepend(as_bytes("first>"));
    rest.append(as_bytes("<end of rest"));
    rest.prepend(as_bytes("rest>"));
    expect_text(first, "first>" + text.substr(0, at) + "<end of first");
    expect_text(rest, "rest>" + text.substr(at) + "<end of rest");
  }
  segment_chain chain(pool);
  chain.append(as_bytes(text));
  EXPECT_THROW(static_cast<void>(chain.split(20'001)), std::out_of_range);
  expect_text(chain, text);
}

TEST(segment_chain, shares_without_copying) {
  segment_pool pool;
  const std::string text = some_text(20'000);
  segment_chain chain(pool);
  chain.append(as_bytes(text));
  segment_chain other = chain.share();
  const auto same = [](const iovec& a, const iovec& b) { return a.iov_base == b.iov_base; };
  EXPECT_TRUE(std::equal(chain.pieces().begin(), chain.pieces().end(), other.pieces().begin(),
                         other.pieces().end(), same));
  chain.append(as_bytes("one"));
  other.append(as_bytes("other"));
  chain.prepend(as_bytes("a "));
  segment_chain third = other.share();
  other.consume(7);
  expect_text(chain, "a " + text + "one");
  expect_text(other, (text + "other").substr(7));
  chain = segment_chain(pool);
  expect_text(other, (text + "other").substr(7));
  expect_text(third, text + "other");
}

TEST(segment_chain, moves) {
  segment_pool pool, other_pool;
  segment_chain a(pool), b(other_pool);
  a.append(as_bytes("a"));
  b.append(as_bytes("b"));
  segment_chain c = std::move(a);
  expect_text(a, "");
  a.append(as_bytes("again"));
  b = std::move(c);
  expect_text(b, "a");
  auto& same = b;
  b = std::move(same);
  expect_text(b, "a");
  b.append(as_bytes("nd so on"));
  expect_text(b, "and so on");
  a.swap(b);
  expect_text(a, "and so on");
  expect_text(b, "again");
}

// Any script of calls does what it does to a string.
TEST(segment_chain, agrees_with_strings) {
  for (unsigned seed = 0; seed != (quarry::test::under_tsan ? 10 : 60); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    segment_pool pool;
    std::vector<std::pair<segment_chain, std::string>> chains;
    chains.emplace_back(segment_chain(pool), "");
    for (int step = 0; step != 200; ++step) {
      if (chains.size() > 6) chains.erase(chains.begin() + random() % 6);
      auto& chosen = chains[random() % chains.size()];
      segment_chain& chain = chosen.first;
      std::string& text = chosen.second;
      const auto small = [&] { return random() % (random() % 8 == 0 ? 20'000 : 100); };
      const auto within = [&] { return text.empty() ? 0 : random() % (text.size() + 1); };
      const std::string more = some_text(small(), static_cast<unsigned>(random()));
      switch (random() % 8) {
      case 0:
      case 1:
        chain.append(as_bytes(more));
        text += more;
        break;
      case 2:
        chain.prepend(as_bytes(more));
        text.insert(0, more);
        break;
      case 3: {
        segment s = segment_with(pool, more);
        s.resize(more.size() / 2);
        chain.push_back(std::move(s));
        text += more.substr(0, more.size() / 2);
        break;
      }
      case 4: {
        const std::size_t from = more.size() / 3, count = more.size() / 2;
        chain.push_back(segment_with(pool, more).share().slice(from, count));
        text += more.substr(from, count);
        break;
      }
      case 5: {
        const std::size_t count = within();
        chain.consume(count);
        text.erase(0, count);
        break;
      }
      case 6: {
        const std::size_t count = within();
        std::pair first(chain.split(count), text.substr(0, count));
        text.erase(0, count);
        chains.push_back(std::move(first));
        break;
      }
      case 7: {
        std::pair same(chain.share(), text);
        chains.push_back(std::move(same));
        break;
      }
      }
      for (const auto& [c, t] : chains) expect_text(c, t);
      if (HasFatalFailure()) return;
    }
    pool.check_invariants();
    chains.clear();
    EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
  }
}

// ---- writev, with all that the kernel may do

struct descriptor_pair {
  int read_end = -1, write_end = -1;
  ~descriptor_pair() {
    ::close(read_end);
    ::close(write_end);
  }
};

void open_pipe(descriptor_pair& pair) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  pair.read_end = ends[0];
  pair.write_end = ends[1];
}

void open_socketpair(descriptor_pair& pair) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  pair.read_end = ends[0];
  pair.write_end = ends[1];
  const int bytes = 5000;
  ::setsockopt(pair.write_end, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

struct transfer {
  std::string received;
  std::size_t full_batches = 0, short_writes = 0, refusals = 0;
};

// Writes what is taken and reads a little when nothing is, on one thread: the kernel decides how much goes.
transfer write_through(const std::function<void(descriptor_pair&)>& open, segment_chain& chain) {
  descriptor_pair pair;
  open(pair);
  transfer done;
  std::mt19937 random(1);
  std::vector<char> buffer(50'000);
  const auto read_some = [&](std::size_t most) {
    const ssize_t got = ::read(pair.read_end, buffer.data(), most);
    if (got > 0) done.received.append(buffer.data(), static_cast<std::size_t>(got));
    return got;
  };
  while (!chain.empty()) {
    const auto batch = chain.iovecs();
    std::size_t offered = 0;
    for (const iovec& piece : batch) offered += piece.iov_len;
    done.full_batches += batch.size() == IOV_MAX;
    const ssize_t written = ::writev(pair.write_end, batch.data(), static_cast<int>(batch.size()));
    if (written < 0) {
      EXPECT_EQ(errno, EAGAIN);
      ++done.refusals;
      if (read_some(1 + random() % buffer.size()) <= 0) break;
    } else {
      done.short_writes += static_cast<std::size_t>(written) < offered;
      chain.consume(static_cast<std::size_t>(written));
    }
  }
  while (read_some(buffer.size()) > 0) {
  }
  return done;
}

TEST(segment_chain_writev, survives_short_writes_to_a_pipe_and_to_a_socket) {
  for (const auto& open : {open_pipe, open_socketpair}) {
    segment_pool pool;
    segment_chain chain(pool);
    const std::string text = some_text(1'000'000);
    chain.append(as_bytes(text));
    const transfer done = write_through(open, chain);
    EXPECT_TRUE(done.received == text);
    EXPECT_TRUE(chain.empty());
    EXPECT_GT(done.short_writes, 0u);
    EXPECT_GT(done.refusals, 0u);
    EXPECT_LE(pool.statistics().bytes_in_use, 1024u); // place for the next few pieces
  }
}

TEST(segment_chain_writev, writes_more_pieces_than_one_call_takes) {
  segment_pool pool;
  for (const auto& open : {open_pipe, open_socketpair}) {
    segment_chain chain(pool);
    const shared_segment all = segment_with(pool, some_text(64'000)).share();
    std::string text;
    for (std::size_t at = 0, size = 1; at + size <= all.size(); at += size, size = size % 7 + 1) {
      chain.push_back(all.slice(at, size));
      text += text_of(std::array{iovec{const_cast<std::byte*>(all.data() + at), size}});
    }
    EXPECT_GT(chain.pieces().size(), 10u * IOV_MAX);
    expect_text(chain, text);
    const transfer done = write_through(open, chain);
    EXPECT_TRUE(done.received == text);
    EXPECT_GT(done.full_batches, 9u);
    EXPECT_TRUE(chain.empty());
  }
}

// ---- when memory runs out

// The text and the places of a chain: what a call that failed must have left alone.
struct snapshot {
  std::string text;
  std::vector<const void*> places;
  explicit snapshot(const segment_chain& chain) : text(text_of(chain)) {
    for (const iovec& piece : chain.pieces()) places.push_back(piece.iov_base);
  }
  bool operator==(const snapshot&) const = default;
};

// Runs `call` on a chain of many pieces of a pool with small regions, with each call upstream failing once.
void expect_strong_guarantee(const std::function<void(segment_chain&)>& call, const std::string& expected,
                             int pieces = 8) {
  std::size_t thrown = 0;
  const std::size_t failures = quarry::for_each_failure_point(
      [&](quarry::failing_resource& upstream) {
        segment_pool pool({.slab_size = 65536, .largest_segment = 8192, .retain_bytes = 0}, &upstream);
        segment_chain chain(pool);
        for (int i = 0; i != pieces; ++i) chain.push_back(segment_with(pool, "12345678").share());
        const snapshot before(chain);
        try {
          call(chain);
        } catch (const std::bad_alloc&) {
          ++thrown;
          EXPECT_TRUE(snapshot(chain) == before);
          EXPECT_EQ(chain.size(), before.text.size());
          pool.check_invariants();
          upstream.fail_never();
          call(chain);
        }
        EXPECT_EQ(text_of(chain), expected);
        EXPECT_EQ(chain.size(), expected.size());
        chain.append(as_bytes("!"));
        EXPECT_EQ(text_of(chain), expected + "!");
      },
      quarry::failing_resource::for_ever);
  EXPECT_GT(failures, 0u);
  EXPECT_GT(thrown, 0u);
}

std::string eights(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i != count; ++i) text += "12345678";
  return text;
}

TEST(segment_chain_without_memory, append) {
  const std::string text = some_text(100'000);
  expect_strong_guarantee([&](segment_chain& chain) { chain.append(as_bytes(text)); }, eights(8) + text);
}

// Its room is written to before the rest is had, which must not show.
TEST(segment_chain_without_memory, append_to_a_segment_with_room) {
  const std::string text = some_text(300'000);
  std::size_t calls = 0;
  for (bool failed = true; failed; ++calls) {
    quarry::failing_resource upstream;
    segment_pool pool({.slab_size = 65536, .largest_segment = 8192}, &upstream);
    segment_chain chain(pool);
    chain.append(as_bytes("something"));
    const snapshot before(chain);
    upstream.fail_at(calls, quarry::failing_resource::for_ever);
    try {
      chain.append(as_bytes(text));
      EXPECT_EQ(text_of(chain), "something" + text);
      failed = false;
    } catch (const std::bad_alloc&) {
      EXPECT_TRUE(snapshot(chain) == before);
      chain.append(as_bytes(" more"));
      expect_text(chain, "something more");
    }
  }
  EXPECT_GT(calls, 3u);
}

TEST(segment_chain_without_memory, prepend) {
  const std::string text = some_text(100'000);
  expect_strong_guarantee([&](segment_chain& chain) { chain.prepend(as_bytes(text)); }, text + eights(8));
}

TEST(segment_chain_without_memory, share) {
  const auto call = [](segment_chain& chain) {
    std::vector<segment_chain> shares;
    for (int i = 0; i != 100; ++i) shares.push_back(chain.share());
    for (const auto& each : shares) EXPECT_EQ(text_of(each), text_of(chain));
  };
  expect_strong_guarantee(call, eights(8));
}

TEST(segment_chain_without_memory, split) {
  const auto call = [](segment_chain& chain) {
    EXPECT_EQ(text_of(chain.split(1004)), eights(126).substr(0, 1004));
  };
  expect_strong_guarantee(call, eights(200).substr(1004), 200);
}

TEST(segment_chain_without_memory, push_back_leaves_the_segment_with_its_owner) {
  const std::size_t failures = quarry::for_each_failure_point(
      [](quarry::failing_resource& upstream) {
        segment_pool pool({.slab_size = 65536, .largest_segment = 8192, .retain_bytes = 0}, &upstream);
        segment s = segment_with(pool, "owned ");
        shared_segment shared = segment_with(pool, "shared").share();
        segment_chain chain(pool);
        try {
          chain.push_back(std::move(s));
          chain.push_back(std::move(shared));
        } catch (const std::bad_alloc&) {
          upstream.fail_never();
          if (s) chain.push_back(std::move(s));
          ASSERT_TRUE(shared);
          chain.push_back(std::move(shared));
        }
        expect_text(chain, "owned shared");
      },
      quarry::failing_resource::for_ever);
  EXPECT_GT(failures, 0u);
}

TEST(segment_chain_without_memory, over_the_limit_of_the_pool) {
  segment_pool pool({.slab_size = 65536, .largest_segment = 8192, .byte_limit = 1 << 20});
  segment_chain chain(pool);
  std::string text;
  const std::string line = some_text(100);
  try {
    for (;;) {
      chain.append(as_bytes(line));
      text += line;
    }
  } catch (const std::bad_alloc&) {
  }
  EXPECT_GT(text.size(), std::size_t{512} << 10);
  expect_text(chain, text);
  chain.consume(text.size() / 2);
  chain.append(as_bytes(line));
  expect_text(chain, text.substr(text.size() / 2) + line);
}

// ---- life

TEST(segment_chain_life, outlives_its_pool) {
  quarry::failing_resource upstream;
  std::optional<segment_chain> chain, same, first;
  const std::string text = some_text(50'000);
  {
    const quarry::violation_handler quiet{[](const quarry::violation&, void*) noexcept {}, nullptr};
    segment_pool pool({.on_violation = quiet}, &upstream);
    chain.emplace(pool);
    chain->append(as_bytes(text));
    chain->push_back(segment_with(pool, "more"));
    same.emplace(chain->share());
    first.emplace(chain->split(10'000));
  }
  expect_text(*first, text.substr(0, 10'000));
  expect_text(*chain, text.substr(10'000) + "more");
  chain->consume(30'000);
  expect_text(*chain, text.substr(40'000) + "more");
  std::thread([&] { chain.reset(); }).join();
  expect_text(*same, text + "more");
  first.reset();
  std::thread([&] { same.reset(); }).join();
  EXPECT_EQ(upstream.bytes_held(), 0u);
  EXPECT_EQ(upstream.mismatches(), 0u);
}

// One thread goes on writing behind what the others read, consume and drop.
TEST(segment_chain_life, shares_live_on_other_threads) {
  segment_pool pool;
  segment_chain chain(pool);
  std::string text;
  std::vector<std::thread> readers;
  for (unsigned i = 0; i != 8; ++i) {
    for (unsigned k = 0; k != 200; ++k) {
      const std::string more = some_text(50, 200 * i + k);
      chain.append(as_bytes(more));
      text += more;
    }
    readers.emplace_back([share = chain.share(), text]() mutable {
      expect_text(share, text);
      share.append(as_bytes("mine"));
      share.consume(text.size());
      expect_text(share, "mine");
    });
    if (i % 3 == 2) {
      chain.consume(text.size() / 3);
      text.erase(0, text.size() / 3);
    }
  }
  for (auto& reader : readers) reader.join();
  expect_text(chain, text);
}

} // namespace
