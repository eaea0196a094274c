#include "support/chain_text.hpp"

#include <quarry/segment_pool.hpp>
#include <quarry/segment_views.hpp>

#include <range/v3/algorithm/equal.hpp>
#include <range/v3/algorithm/find.hpp>
#include <range/v3/view/take.hpp>
#include <range/v3/view/transform.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace quarry::test;
using quarry::segment_chain;
using quarry::segment_pool;

using byte_range = decltype(quarry::bytes(std::declval<const segment_chain&>()));
using span_range = decltype(quarry::spans(std::declval<const segment_chain&>()));

static_assert(ranges::view_<byte_range> && ranges::view_<span_range>);
static_assert(ranges::bidirectional_range<byte_range> && std::ranges::bidirectional_range<byte_range>);
static_assert(ranges::random_access_range<span_range> && std::ranges::random_access_range<span_range>);
static_assert(ranges::sized_range<byte_range> && std::ranges::sized_range<byte_range>);
static_assert(ranges::sized_range<span_range> && std::ranges::sized_range<span_range>);
static_assert(ranges::common_range<byte_range> && std::ranges::common_range<byte_range>);
static_assert(ranges::borrowed_range<byte_range>);
static_assert(std::is_same_v<ranges::range_reference_t<byte_range>, const std::byte&>);
static_assert(std::is_same_v<ranges::range_reference_t<span_range>, std::span<const std::byte>>);
template <class T>
concept viewable = requires(T&& chain) {
  quarry::bytes(static_cast<T&&>(chain));
};
static_assert(viewable<segment_chain&> && viewable<const segment_chain&> && !viewable<segment_chain>);

constexpr auto to_char = [](std::byte b) { return static_cast<char>(b); };

// A chain of short pieces: "a", "bb", "ccc", "dddd", ... and all they say.
class segment_views : public ::testing::Test {
protected:
  segment_pool pool;
  segment_chain chain{pool};
  std::string text;

  void SetUp() override {
    for (std::size_t i = 1; i != 27; ++i) {
      const std::string piece = some_text(i, static_cast<unsigned>(i));
      auto s = pool.allocate_segment(i);
      std::ranges::copy(as_bytes(piece), s.begin());
      chain.push_back(std::move(s).share());
      text += piece;
    }
  }
};

TEST_F(segment_views, of_nothing) {
  const segment_chain none(pool);
  EXPECT_TRUE(quarry::bytes(none).empty());
  EXPECT_TRUE(quarry::spans(none).empty());
  EXPECT_EQ(quarry::bytes(none).begin(), quarry::bytes(none).end());
  EXPECT_EQ(std::ranges::distance(quarry::bytes(none)), 0);
}

TEST_F(segment_views, bytes_are_those_of_the_chain_where_they_are) {
  const auto all = quarry::bytes(chain);
  EXPECT_EQ(all.size(), text.size());
  EXPECT_EQ(&*all.begin(), chain.pieces().front().iov_base);
  EXPECT_TRUE(ranges::equal(all, as_bytes(text)));
  EXPECT_TRUE(std::ranges::equal(all, as_bytes(text)));
  EXPECT_TRUE(std::equal(all.begin(), all.end(), as_bytes(text).begin()));
  std::size_t i = 0;
  for (const std::byte b : all) ASSERT_EQ(to_char(b), text[i++]);
}

TEST_F(segment_views, bytes_go_back_as_they_came) {
  const auto all = quarry::bytes(chain);
  EXPECT_TRUE(std::equal(text.rbegin(), text.rend(), std::make_reverse_iterator(all.end()),
                         [](char c, std::byte b) { return c == to_char(b); }));
  auto at = all.begin();
  const auto before = at++;
  EXPECT_EQ(before, all.begin());
  EXPECT_EQ(at--, std::next(all.begin()));
  EXPECT_EQ(at, all.begin());
}

TEST_F(segment_views, bytes_are_found_across_pieces) {
  const auto all = quarry::bytes(chain);
  for (const std::size_t from : {0u, 1u, 5u, 100u, 300u}) {
    const std::string part = text.substr(from, 40); // over at least one border
    const auto bytes = as_bytes(part);
    const auto found = std::search(all.begin(), all.end(), bytes.begin(), bytes.end());
    EXPECT_EQ(std::distance(all.begin(), found), static_cast<std::ptrdiff_t>(text.find(part)));
  }
  EXPECT_EQ(ranges::find(all, std::byte{0}), all.end());
  EXPECT_EQ(std::ranges::find(all, std::byte{0}), all.end());
  EXPECT_EQ(std::ranges::count(all, std::byte{'a'}), std::ranges::count(text, 'a'));
}

TEST_F(segment_views, bytes_in_pipelines) {
  const auto chars = quarry::bytes(chain) | ranges::views::transform(to_char) | ranges::views::take(50);
  EXPECT_TRUE(ranges::equal(chars, text.substr(0, 50)));
}

TEST_F(segment_views, spans_are_the_pieces) {
  const auto all = quarry::spans(chain);
  ASSERT_EQ(all.size(), chain.pieces().size());
  std::string seen;
  for (const std::span<const std::byte> piece : all)
    std::ranges::transform(piece, std::back_inserter(seen), to_char);
  EXPECT_EQ(seen, text);
  EXPECT_EQ(all[25].size(), 26u);
  EXPECT_EQ(all[3].data(), chain.pieces()[3].iov_base);
  const auto size_of = [](std::span<const std::byte> piece) { return piece.size(); };
  EXPECT_EQ(std::ranges::max(all, {}, size_of).size(), 26u);
  EXPECT_EQ(std::ranges::find(all, 7u, size_of) - all.begin(), 6);
  EXPECT_EQ(ranges::find(all, 7u, size_of) - all.begin(), 6);
}

TEST_F(segment_views, show_more_pieces_than_one_writev_takes) {
  const auto s = pool.allocate_segment(3).share();
  segment_chain many(pool);
  for (int i = 0; i != 2 * IOV_MAX; ++i) many.push_back(s);
  EXPECT_EQ(quarry::spans(many).size(), 2u * IOV_MAX);
  EXPECT_EQ(std::ranges::distance(quarry::bytes(many)), 6 * IOV_MAX);
}

TEST_F(segment_views, show_what_is_left) {
  chain.consume(200);
  EXPECT_TRUE(ranges::equal(quarry::bytes(chain), as_bytes(text).subspan(200)));
  const segment_chain first = chain.split(50);
  EXPECT_TRUE(ranges::equal(quarry::bytes(first), as_bytes(text).subspan(200, 50)));
  EXPECT_TRUE(ranges::equal(quarry::bytes(chain), as_bytes(text).subspan(250)));
}

// The handles are ranges themselves.
TEST_F(segment_views, segments_are_ranges_too) {
  static_assert(std::ranges::contiguous_range<quarry::segment> && ranges::contiguous_range<quarry::segment>);
  static_assert(std::ranges::contiguous_range<quarry::shared_segment> &&
                ranges::contiguous_range<quarry::shared_segment>);
  auto s = pool.allocate_segment(5);
  std::ranges::copy(as_bytes("abcde"), s.begin());
  std::ranges::reverse(s);
  EXPECT_TRUE(ranges::equal(s, as_bytes("edcba")));
  const auto shared = std::move(s).share();
  EXPECT_TRUE(std::ranges::equal(shared | ranges::views::take(2), as_bytes("ed")));
}

} // namespace
