// The report to read: totals, and a table of the classes.
#include <algorithm>
#include <ostream>

#include "plain_text.hpp"
#include "report_writers.hpp"

namespace quarry::detail {

namespace {

struct column {
  std::string_view title;
  std::size_t width;
};
constexpr column design[] = {{"block", 8}, {"serves", 16}, {"waste up to %", 15}, {"mean %", 8}};
constexpr column life[] = {{"slabs", 7}, {"in use", 9}, {"cached", 8}, {"free", 8},   {"untouched", 11},
                           {"KiB", 10},  {"idle %", 8}, {"tail %", 8}, {"waste %", 9}};

std::string headline(const auto& columns) {
  std::string line;
  for (const column& each : columns) line += plain_text::right(std::string(each.title), each.width);
  return line;
}

std::string cells(const auto& columns, const auto&... values) {
  std::string line;
  const column* next = columns;
  ((line += plain_text::right(values, next++->width)), ...);
  return line;
}

std::string design_of(size_class c, const pool_statistics& s) {
  const std::size_t block = block_size_of(c), least = smallest_request_of(c, s);
  return cells(design, plain_text::of(block), plain_text::of(least) + " - " + plain_text::of(block),
               plain_text::percent(block - least, block),
               plain_text::fixed(50 * static_cast<double>(block - least) / static_cast<double>(block), 1));
}

std::string life_of(const class_life& l, std::size_t bytes_in_use) {
  const std::size_t idle = l.slab_bytes - l.tail_bytes - bytes_in_use;
  return cells(life, plain_text::of(l.slabs), plain_text::of(l.in(block_state::used)),
               plain_text::of(l.in(block_state::cached)), plain_text::of(l.in(block_state::free)),
               plain_text::of(l.in(block_state::untouched)),
               plain_text::fixed(static_cast<double>(l.slab_bytes) / 1024, 1),
               plain_text::percent(idle, l.slab_bytes), plain_text::percent(l.tail_bytes, l.slab_bytes),
               plain_text::percent(l.slab_bytes - bytes_in_use, l.slab_bytes));
}

void write_totals(plain_text& out, const slab_survey& survey) {
  const pool_statistics& s = survey.statistics;
  const auto line = [&](std::string_view name, std::size_t bytes, const std::string& more) {
    out << "  " << name << plain_text::right(plain_text::bytes(bytes), 12)
        << plain_text::right(plain_text::percent(bytes, s.bytes_held), 8) << " %   " << more << "\n";
  };
  line("held      ", s.bytes_held, "from upstream");
  line("in use    ", s.bytes_in_use,
       "peak " + plain_text::bytes(s.peak_bytes_in_use) + ", oversized " +
           plain_text::bytes(s.oversized_bytes));
  line("cached    ", s.bytes_cached, "free blocks in magazines");
  line("free      ", s.bytes_free, "free blocks in slabs");
  const std::size_t named = s.bytes_in_use + s.bytes_cached + s.bytes_free;
  line("the rest  ", s.bytes_held - std::min(named, s.bytes_held),
       "free units of chunks, tails of slabs, bookkeeping");
  out << "  chunks: " << s.chunks << "; slabs: " << s.slabs << "; oversized blocks: " << s.oversized_blocks
      << "; bad frees dropped: " << s.dropped_blocks << "\n  upstream calls: " << s.upstream_allocations
      << " allocations, " << s.upstream_deallocations << " deallocations\n";
}

} // namespace

void write_text(std::ostream& stream, std::string_view pool, const slab_survey& survey) {
  plain_text out(stream);
  out << "quarry::" << pool << "\n";
  write_totals(out, survey);
  const std::string design_line = headline(design), life_line = headline(life);
  out << "\n"
      << plain_text::right("design", design_line.size()) << " |"
      << plain_text::right("life", life_line.size()) << "\n";
  out << design_line << " |" << life_line << "\n";
  const auto lives = life_of_classes(survey);
  class_life all;
  std::size_t all_in_use = 0;
  for (size_class c = 0; c < size_class_count; ++c) {
    if (lives[c].slabs == 0) continue;
    const std::size_t in_use = lives[c].in(block_state::used)*block_size_of(c);
    out << design_of(c, survey.statistics) << " |" << life_of(lives[c], in_use) << "\n";
    all.add(lives[c]);
    all_in_use += in_use;
  }
  out << plain_text::right("all classes", design_line.size()) << " |" << life_of(all, all_in_use) << "\n";
  out.flush();
}

} // namespace quarry::detail
