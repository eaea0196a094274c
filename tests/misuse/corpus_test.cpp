// Every case of the corpus, on either thread, through checked_resource on any upstream: reported, and as what
// it is.
#include "corpus.hpp"

#include "../support/ledger_resource.hpp"
#include "../support/recorded_reports.hpp"

#include <quarry/checked_resource.hpp>
#include <quarry/pool_resource.hpp>
#include <quarry/segment_pool.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>

namespace misuse {
namespace {

using quarry::test::ledger_resource;
using quarry::test::recorded_reports;
using kinds = std::vector<quarry::violation_kind>;

std::string names(const kinds& all) {
  std::string text;
  for (const auto kind : all) text += std::string(to_string(kind)) + ' ';
  return text.empty() ? "nothing" : text;
}

void expect_one_kind(const recorded_reports& seen, const misuse_case& c) {
  const kinds reported = seen.kinds();
  EXPECT_EQ(std::set(reported.begin(), reported.end()), std::set{c.kind}) << names(reported);
  if (c.kind != quarry::violation_kind::leak) {
    EXPECT_EQ(reported.size(), 1u) << names(reported);
  }
  for (const auto& r : seen.all())
    EXPECT_EQ(r.message.find("quarry: " + std::string(to_string(c.kind))), 0u) << r.message;
}

// What checked_resource reports of the case, and whether all memory comes back.
template <class Upstream, class... Options>
void expect_reported(const misuse_case& c, stage::thread where, Options... options) {
  ledger_resource ledger;
  recorded_reports seen;
  {
    Upstream upstream(options..., &ledger);
    quarry::checked_resource checked(&upstream, seen.handler());
    stage s(checked, where, stage::wrong_free::is_refused);
    c.play(s);
  }
  expect_one_kind(seen, c);
  EXPECT_TRUE(ledger.clean());
}

// What a segment_pool reports that has checked_resource as its upstream.
void expect_reported_by_segments(const misuse_case& c, stage::thread where) {
  ledger_resource ledger;
  recorded_reports seen;
  {
    quarry::checked_resource checked(&ledger, seen.handler());
    quarry::segment_pool_options options;
    options.on_violation = seen.handler();
    quarry::segment_pool pool(options, &checked);
    segment_stage s(pool, where, stage::wrong_free::is_refused);
    c.play(s);
    pool.check_invariants();
  }
  expect_one_kind(seen, c);
  EXPECT_TRUE(ledger.clean());
}

struct position {
  std::size_t way, number;
  stage::thread where;
};
std::vector<position> every_position() {
  std::vector<position> all;
  const auto every_way = ways();
  for (std::size_t w = 0; w < every_way.size(); ++w)
    for (std::size_t i = 0; i < every_way[w].cases.size(); ++i)
      for (const auto where : {stage::thread::same, stage::thread::other}) all.push_back({w, i, where});
  return all;
}
std::string name_of(const position& p) {
  std::string name(ways()[p.way].cases[p.number].title);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name + (p.where == stage::thread::same ? "__here" : "__on_another_thread");
}

class corpus : public ::testing::TestWithParam<position> {};

TEST_P(corpus, is_reported_as_what_it_is) {
  const misuse_case& c = ways()[GetParam().way].cases[GetParam().number];
  SCOPED_TRACE(c.title);
  expect_reported<quarry::synchronized_pool_resource>(c, GetParam().where);
  expect_reported<quarry::unsynchronized_pool_resource>(c, GetParam().where);
  expect_reported<std::pmr::synchronized_pool_resource>(c, GetParam().where);
  expect_reported<quarry::segment_pool>(c, GetParam().where, quarry::segment_pool_options{});
}

INSTANTIATE_TEST_SUITE_P(every_case, corpus, ::testing::ValuesIn(every_position()),
                         [](const auto& instance) { return name_of(instance.param); });

// What a segment_pool promises to find itself.
bool is_checked_by_segments(quarry::violation_kind kind) {
  using enum quarry::violation_kind;
  return kind == double_free || kind == wrong_size || kind == foreign_pointer || kind == leak;
}

TEST(segments_corpus, is_reported_by_a_segment_pool_on_a_checked_resource) {
  for (const misuse_case& c : segments())
    for (const auto where : {stage::thread::same, stage::thread::other}) {
      SCOPED_TRACE(c.title);
      if (is_checked_by_segments(c.kind)) expect_reported_by_segments(c, where);
    }
}

TEST(segments_corpus, what_is_written_behind_a_region_is_found_by_its_upstream) {
  ledger_resource ledger;
  recorded_reports seen;
  {
    quarry::checked_resource checked(&ledger, seen.handler());
    quarry::segment_pool pool({}, &checked);
    const auto buffer = pool.allocate_bytes(1 << 20);
    std::byte* behind = nullptr;
    pool.for_each_region([&](const quarry::region& r) {
      if (r.memory.data() == buffer.data()) behind = r.memory.data() + r.memory.size();
    });
    ASSERT_NE(behind, nullptr);
    scribble(behind);
    pool.deallocate_bytes(buffer);
  }
  EXPECT_EQ(seen.kinds(), kinds{quarry::violation_kind::overrun});
}

TEST(corpus_itself, has_every_kind_in_every_way) {
  std::set<std::tuple<std::string_view, quarry::violation_kind>> present;
  for (const way& w : ways())
    for (const misuse_case& c : w.cases) present.emplace(w.name, c.kind);
  EXPECT_EQ(present.size(), 4u * 8u);
  EXPECT_GE(every_position().size(), 60u);
}

} // namespace
} // namespace misuse
