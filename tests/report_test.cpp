// The reports of both pools: what they say against what the pool and a ledger of its callers' blocks say.
#include "behaviour/support.hpp"
#include "support/poisoned.hpp"

#include <quarry/report.hpp>
#include <quarry/segment_pool.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <iomanip>
#include <locale>
#include <map>
#include <set>
#include <sstream>

namespace quarry::test {
namespace {

using nlohmann::json;

template <class Pool>
class report_test : public ::testing::Test {
protected:
  ledger_resource upstream;
  Pool pool{&upstream};
  population<Pool> live{pool};

  void fill(std::size_t count, std::size_t largest = 3000) {
    dice d(11);
    for (std::size_t i = 0; i < count; ++i) live.add(d.between(1, largest));
    for (std::size_t i = 0; i < count / 3; ++i) live.free_random(d);
  }
  static json json_of(const Pool& which) {
    std::ostringstream out;
    report::json(out, which);
    return json::parse(out.str());
  }
  json as_json() const { return json_of(pool); }
  std::string as_text() const {
    std::ostringstream out;
    report::text(out, pool);
    return out.str();
  }
};
TYPED_TEST_SUITE(report_test, both_pools, pool_names);

std::uintptr_t address_in(const json& item) {
  return std::stoull(item.at("address").get<std::string>(), nullptr, 16);
}

TYPED_TEST(report_test, json_says_what_statistics_say) {
  this->fill(2000);
  this->live.add(1'000'000);
  const json report = this->as_json();
  const pool_statistics s = this->pool.statistics();
  EXPECT_EQ(report.at("report"), "quarry");
  EXPECT_EQ(report.at("version"), 1);
  EXPECT_EQ(report.at("pool"), pool_names::GetName<TypeParam>(0) + "_pool_resource");
  EXPECT_EQ(report.at("options").at("largest_required_pool_block"),
            this->pool.options().largest_required_pool_block);
  EXPECT_EQ(report.at("options").at("max_blocks_per_chunk"), this->pool.options().max_blocks_per_chunk);
  const std::map<std::string, std::size_t> numbers = {
      {"bytes_held", s.bytes_held},
      {"bytes_in_use", s.bytes_in_use},
      {"bytes_cached", s.bytes_cached},
      {"bytes_free", s.bytes_free},
      {"peak_bytes_in_use", s.peak_bytes_in_use},
      {"chunks", s.chunks},
      {"slabs", s.slabs},
      {"upstream_allocations", s.upstream_allocations},
      {"upstream_deallocations", s.upstream_deallocations},
      {"oversized_blocks", s.oversized_blocks},
      {"oversized_bytes", s.oversized_bytes},
      {"dropped_blocks", s.dropped_blocks},
  };
  EXPECT_EQ((report.at("statistics").get<std::map<std::string, std::size_t>>()), numbers);
  ASSERT_EQ(report.at("classes").size(), s.classes().size());
  for (std::size_t c = 0; c < s.classes().size(); ++c) {
    const json& row = report.at("classes").at(c);
    EXPECT_EQ(row.at("block_size"), s.classes()[c].block_size);
    EXPECT_EQ(row.at("slabs"), s.classes()[c].slabs);
    EXPECT_EQ(row.at("blocks_in_use"), s.classes()[c].blocks_in_use);
    EXPECT_EQ(row.at("blocks_cached"), s.classes()[c].blocks_cached);
    EXPECT_EQ(row.at("blocks_free"), s.classes()[c].blocks_free);
    if (!test::memory_is_poisoned()) { // then requests are served from a larger class
      EXPECT_EQ(this->pool.good_size(row.at("smallest_request"), 1), s.classes()[c].block_size);
    }
  }
}

// A letter for each block: 'u' exactly where a caller has it; the rest adds up to the rows of the classes.
template <class Live>
void expect_each_block_as_it_is(const json& report, const Live& live) {
  std::set<std::uintptr_t> used;
  for (const block& b : live.blocks()) used.insert(reinterpret_cast<std::uintptr_t>(b.address));
  std::map<std::size_t, std::map<char, std::size_t>> letters;
  std::map<std::size_t, std::size_t> bytes, slabs;
  std::size_t shown_used = 0;
  for (const json& s : report.at("slabs")) {
    const auto blocks = s.at("blocks").get<std::string>();
    const std::size_t block_size = s.at("block_size"), slab_bytes = s.at("bytes");
    ASSERT_LE(blocks.size() * block_size, slab_bytes);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_EQ(blocks[i] == 'u', used.count(address_in(s) + i * block_size) != 0) << s;
      shown_used += blocks[i] == 'u';
      ++letters[block_size][blocks[i]];
    }
    bytes[block_size] += slab_bytes;
    ++slabs[block_size];
    const json& chunk = report.at("chunks").at(s.at("chunk").get<std::size_t>());
    EXPECT_GE(address_in(s), address_in(chunk));
    EXPECT_LE(address_in(s) + slab_bytes, address_in(chunk) + chunk.at("bytes").get<std::size_t>());
  }
  EXPECT_EQ(shown_used, live.size());
  for (const json& row : report.at("classes")) {
    const std::size_t block_size = row.at("block_size");
    auto& of_class = letters[block_size];
    EXPECT_EQ(of_class['u'], row.at("blocks_in_use"));
    EXPECT_EQ(of_class['c'], row.at("blocks_cached"));
    EXPECT_EQ(of_class['f'] + of_class['.'], row.at("blocks_free"));
    EXPECT_EQ(of_class['.'], row.at("blocks_untouched"));
    EXPECT_EQ(slabs[block_size], row.at("slabs"));
    EXPECT_EQ(bytes[block_size], row.at("slab_bytes"));
    const std::size_t carved = of_class['u'] + of_class['c'] + of_class['f'] + of_class['.'];
    EXPECT_EQ(bytes[block_size] - carved * block_size, row.at("tail_bytes"));
  }
}

// Also of a pool that has no magazines yet, and its blocks in a nursery.
TYPED_TEST(report_test, json_shows_each_block_as_it_is) {
  this->fill(3);
  expect_each_block_as_it_is(this->as_json(), this->live);
  this->fill(3000, 700);
  expect_each_block_as_it_is(this->as_json(), this->live);
}

TYPED_TEST(report_test, json_shows_each_chunk_that_upstream_gave) {
  this->fill(3000);
  const auto given = this->upstream.blocks();
  const json report = this->as_json();
  for (const json& chunk : report.at("chunks"))
    EXPECT_EQ(std::count_if(given.begin(), given.end(),
                            [&](const ledger_resource::block& b) {
                              return reinterpret_cast<std::uintptr_t>(b.address) == address_in(chunk) &&
                                     b.size == chunk.at("bytes");
                            }),
              1);
}

TYPED_TEST(report_test, free_blocks_are_told_from_untouched_ones) {
  TypeParam without_nursery({50, 0}, &this->upstream);
  void* blocks[3];
  for (void*& each : blocks) each = without_nursery.allocate(40, 8);
  without_nursery.deallocate(blocks[1], 40, 8);
  without_nursery.trim(); // nothing is kept back
  const json report = this->json_of(without_nursery);
  ASSERT_EQ(report.at("slabs").size(), 1u);
  const json& slab = report.at("slabs").at(0);
  const auto shown = slab.at("blocks").template get<std::string>();
  ASSERT_GT(shown.size(), 3u);
  EXPECT_EQ(shown, "ufu" + std::string(shown.size() - 3, '.'));
  EXPECT_EQ(address_in(slab), reinterpret_cast<std::uintptr_t>(blocks[0]));
}

// In the nursery each is a slab of its own.
TYPED_TEST(report_test, the_first_blocks_are_shown_one_by_one) {
  if (test::memory_is_poisoned()) GTEST_SKIP() << "there is no nursery while memory is poisoned";
  void* blocks[3];
  for (void*& each : blocks) each = this->pool.allocate(40, 8);
  this->pool.deallocate(blocks[1], 40, 8);
  const json report = this->as_json();
  ASSERT_EQ(report.at("chunks").size(), 1u);
  EXPECT_EQ(report.at("chunks").at(0).at("bytes"), 1024u);
  ASSERT_EQ(report.at("slabs").size(), 2u);
  for (const std::size_t i : {0u, 1u}) {
    const json& slab = report.at("slabs").at(i);
    EXPECT_EQ(address_in(slab), reinterpret_cast<std::uintptr_t>(blocks[2 * i]));
    EXPECT_EQ(slab.at("blocks"), "u");
    EXPECT_EQ(slab.at("block_size"), 40u);
    EXPECT_EQ(slab.at("bytes"), 48u);
  }
}

TYPED_TEST(report_test, json_of_a_new_pool_is_empty) {
  const json report = this->as_json();
  EXPECT_EQ(report.at("chunks").size() + report.at("slabs").size(), 0u);
  EXPECT_EQ(report.at("statistics").at("bytes_held"), 0);
  EXPECT_EQ(this->upstream.calls(), 0u);
}

// The rows of the table, its numbers by place.
std::map<std::size_t, std::vector<double>> rows_of(const std::string& text) {
  std::map<std::size_t, std::vector<double>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t bar = line.find('|');
    std::size_t block_size;
    if (bar == std::string::npos || !(std::istringstream(line) >> block_size)) continue;
    std::istringstream life(line.substr(bar + 1));
    for (double value; life >> value;) rows[block_size].push_back(value);
  }
  return rows;
}

TYPED_TEST(report_test, text_has_a_row_for_each_class_with_slabs) {
  this->fill(2000);
  auto rows = rows_of(this->as_text());
  const pool_statistics s = this->pool.statistics();
  const json classes = this->as_json().at("classes");
  for (std::size_t c = 0; c < s.classes().size(); ++c) {
    const size_class_statistics& expected = s.classes()[c];
    EXPECT_EQ(rows.count(expected.block_size), expected.slabs != 0 ? 1u : 0u) << expected.block_size;
    if (expected.slabs == 0) continue;
    const std::vector<double>& row = rows[expected.block_size];
    ASSERT_EQ(row.size(), 9u);
    EXPECT_EQ(row[0], double(expected.slabs));
    EXPECT_EQ(row[1], double(expected.blocks_in_use));
    EXPECT_EQ(row[2], double(expected.blocks_cached));
    EXPECT_EQ(row[3] + row[4], double(expected.blocks_free));
    const auto slab_bytes = classes.at(c).at("slab_bytes").template get<double>();
    const auto tail_bytes = classes.at(c).at("tail_bytes").template get<double>();
    const double used = double(expected.blocks_in_use * expected.block_size);
    EXPECT_NEAR(row[5], slab_bytes / 1024, 0.051);
    EXPECT_NEAR(row[6], 100 * (slab_bytes - tail_bytes - used) / slab_bytes, 0.051);
    EXPECT_NEAR(row[7], 100 * tail_bytes / slab_bytes, 0.051);
    EXPECT_NEAR(row[8], 100 * (slab_bytes - used) / slab_bytes, 0.051);
  }
}

TYPED_TEST(report_test, text_of_one_block) {
  if (test::memory_is_poisoned()) GTEST_SKIP() << "1024 bytes and a tail are of another class";
  this->live.add(1024);
  const std::string text = this->as_text();
  EXPECT_NE(text.find("quarry::" + pool_names::GetName<TypeParam>(0) + "_pool_resource\n"),
            std::string::npos);
  EXPECT_NE(text.find("    1024      961 - 1024            6.2     3.1 |"), std::string::npos) << text;
  EXPECT_NE(text.find("in use           1 KiB"), std::string::npos) << text;
}

// Points for commas, groups of digits, other bases: a stream may be set to all of these.
TYPED_TEST(report_test, what_the_stream_is_set_to_changes_nothing) {
  struct odd : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\1"; }
  };
  this->fill(500);
  std::ostringstream plain, set;
  set.imbue(std::locale(set.getloc(), new odd));
  set << std::hex << std::showbase << std::setfill('*') << std::setw(40);
  for (std::ostream* out : {static_cast<std::ostream*>(&plain), static_cast<std::ostream*>(&set)}) {
    report::text(*out, this->pool);
    report::json(*out, this->pool);
    report::svg(*out, this->pool);
  }
  EXPECT_EQ(plain.str(), set.str());
}

// Sums up the cells of all rectangles that the paths of a class of the style sheet consist of.
std::size_t cells_of(const std::string& svg, char style) {
  const std::string path = std::string("<path class=\"") + style + "\" d=\"";
  std::size_t cells = 0;
  for (std::size_t at = svg.find(path); at != std::string::npos; at = svg.find(path, at + 1)) {
    const std::size_t first = at + path.size();
    std::istringstream d(svg.substr(first, svg.find('"', first) - first));
    std::size_t x, y, height, width;
    for (char m, v, h; d >> m >> x >> y >> v >> height >> h >> width; d.ignore(100, 'z'))
      cells += height * width;
  }
  return cells;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TYPED_TEST(report_test, svg_shows_every_slab_and_every_block) {
  this->fill(3000, 700);
  std::ostringstream out;
  report::svg(out, this->pool);
  const std::string svg = out.str();
  const json report = this->as_json();
  const auto sum = [&](const char* member) {
    std::size_t blocks = 0;
    for (const json& row : report.at("classes")) blocks += row.at(member).template get<std::size_t>();
    return blocks;
  };
  EXPECT_EQ(count_of(svg, "<title>"), report.at("slabs").size());
  EXPECT_EQ(cells_of(svg, 'u'), sum("blocks_in_use"));
  EXPECT_EQ(cells_of(svg, 'c'), sum("blocks_cached"));
  EXPECT_EQ(cells_of(svg, 'n'), sum("blocks_untouched"));
  EXPECT_EQ(cells_of(svg, 'f'), sum("blocks_free") - sum("blocks_untouched"));
  EXPECT_GT(cells_of(svg, 'u'), 1000u);
  for (const json& slab : report.at("slabs"))
    EXPECT_EQ(count_of(svg, "<title>" + slab.at("address").template get<std::string>() + ","), 1u);
}

TYPED_TEST(report_test, svg_of_a_new_pool_is_whole) {
  std::ostringstream out;
  report::svg(out, this->pool);
  EXPECT_EQ(count_of(out.str(), "<svg"), 1u);
  EXPECT_TRUE(out.str().ends_with("</svg>\n"));
  EXPECT_EQ(out.str().find("nan"), std::string::npos);
  EXPECT_EQ(out.str().find("inf"), std::string::npos);
}

TYPED_TEST(report_test, reporting_changes_nothing) {
  this->fill(1000);
  const std::size_t calls = this->upstream.calls();
  const std::string once = this->as_text();
  this->as_json();
  EXPECT_EQ(once, this->as_text());
  EXPECT_EQ(this->upstream.calls(), calls);
  EXPECT_NO_THROW(this->pool.check_invariants());
}

template <class Report>
std::string written(Report report) {
  std::ostringstream out;
  report(out);
  return out.str();
}

// Segments, spans and blocks of containers alike are used; what lies in the thread's cache is cached.
TEST(report_of_a_segment_pool, shows_each_segment_as_it_is) {
  ledger_resource upstream;
  segment_pool pool({.byte_limit = 64 << 20}, &upstream);
  std::vector<segment> live;
  dice d(3);
  for (int i = 0; i < 2000; ++i) live.push_back(pool.allocate_segment(d.between(1, 9000)));
  for (int i = 0; i < 900; ++i) {
    std::swap(live[d.below(live.size())], live.back());
    live.pop_back();
  }
  live.push_back(pool.allocate_segment(1 << 20)); // a region
  std::set<std::uintptr_t> used;
  for (segment& s : live) used.insert(reinterpret_cast<std::uintptr_t>(s.data()));
  const json report = json::parse(written([&](auto& out) { report::json(out, pool); }));
  EXPECT_EQ(report.at("pool"), "segment_pool");
  EXPECT_EQ(report.at("options").at("byte_limit"), 64 << 20);
  EXPECT_EQ(report.at("options").at("slab_size"), pool.options().slab_size);
  std::size_t shown_used = 0, shown_cached = 0;
  for (const json& s : report.at("slabs")) {
    const auto blocks = s.at("blocks").get<std::string>();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::uintptr_t address = address_in(s) + i * s.at("block_size").get<std::size_t>();
      ASSERT_EQ(blocks[i] == 'u', used.count(address) != 0) << s;
      shown_used += blocks[i] == 'u';
      shown_cached += (blocks[i] == 'c') * s.at("block_size").get<std::size_t>();
    }
  }
  const pool_statistics s = pool.statistics();
  EXPECT_EQ(shown_used, live.size() - 1);
  EXPECT_EQ(shown_cached, s.bytes_cached);
  EXPECT_GT(shown_cached, 0u);
  EXPECT_EQ(report.at("statistics").at("bytes_in_use"), s.bytes_in_use);
  EXPECT_EQ(report.at("statistics").at("oversized_blocks"), 1);
  EXPECT_EQ(report.at("classes").front().at("block_size"), pool.allocate_segment(1).capacity());
  EXPECT_EQ(report.at("classes").front().at("smallest_request"), 1);
  EXPECT_EQ(written([&](auto& out) { report::text(out, pool); }).find("quarry::segment_pool\n"), 0u);
  EXPECT_EQ(count_of(written([&](auto& out) { report::svg(out, pool); }), "<title>"), s.slabs);
}

TEST(report_of_a_segment_pool, has_no_limit_where_there_is_none) {
  segment_pool pool;
  const json report = json::parse(written([&](auto& out) { report::json(out, pool); }));
  EXPECT_FALSE(report.at("options").contains("byte_limit"));
  EXPECT_EQ(report.at("slabs").size(), 0u);
}

TEST(report_under_threads, is_sound_and_stops_nobody) {
  sync pool;
  std::atomic<bool> stop = false;
  std::thread observer([&] {
    while (!stop) {
      std::ostringstream out;
      report::json(out, pool);
      const json report = json::parse(out.str());
      std::size_t slabs = 0, used = 0;
      for (const json& row : report.at("classes")) {
        slabs += row.at("slabs").get<std::size_t>();
        used += row.at("blocks_in_use").get<std::size_t>() * row.at("block_size").get<std::size_t>();
      }
      EXPECT_EQ(slabs, report.at("slabs").size());
      EXPECT_EQ(used + report.at("statistics").at("oversized_bytes").get<std::size_t>(),
                report.at("statistics").at("bytes_in_use"));
    }
  });
  churn_and_trim(pool, 40'000 / sanitizer_slowdown);
  stop = true;
  observer.join();
}

} // namespace
} // namespace quarry::test
