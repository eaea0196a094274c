// The report to process. Its schema is stated in quarry/report.hpp.
#include <ostream>

#include "plain_text.hpp"
#include "report_writers.hpp"

namespace quarry::detail {

namespace {

// The commas of an array.
class separator {
public:
  std::string_view next() noexcept {
    const bool first = first_;
    first_ = false;
    return first ? "\n    " : ",\n    ";
  }

private:
  bool first_ = true;
};

void write_options(plain_text& out, const slab_survey& survey) {
  out << R"(  "options": {)";
  std::string_view comma;
  for (const named_number& each : survey.options) {
    out << comma << "\"" << each.name << "\": " << each.value;
    comma = ", ";
  }
  out << "},\n";
}

void write_statistics(plain_text& out, const pool_statistics& s) {
  out << R"(  "statistics": {"bytes_held": )" << s.bytes_held << R"(, "bytes_in_use": )" << s.bytes_in_use
      << R"(, "bytes_cached": )" << s.bytes_cached << R"(, "bytes_free": )" << s.bytes_free
      << R"(, "peak_bytes_in_use": )" << s.peak_bytes_in_use << R"(, "chunks": )" << s.chunks
      << R"(, "slabs": )" << s.slabs << R"(, "upstream_allocations": )" << s.upstream_allocations
      << R"(, "upstream_deallocations": )" << s.upstream_deallocations << R"(, "oversized_blocks": )"
      << s.oversized_blocks << R"(, "oversized_bytes": )" << s.oversized_bytes << R"(, "dropped_blocks": )"
      << s.dropped_blocks << "},\n";
}

void write_classes(plain_text& out, const slab_survey& survey) {
  const auto lives = life_of_classes(survey);
  out << R"(  "classes": [)";
  separator comma;
  for (const size_class_statistics& row : survey.statistics.classes()) {
    const size_class c = size_class_of(row.block_size, 1);
    out << comma.next() << R"({"block_size": )" << row.block_size << R"(, "slabs": )" << row.slabs
        << R"(, "blocks_in_use": )" << row.blocks_in_use << R"(, "blocks_cached": )" << row.blocks_cached
        << R"(, "blocks_free": )" << row.blocks_free << R"(, "blocks_untouched": )"
        << lives[c].in(block_state::untouched) << R"(, "slab_bytes": )" << lives[c].slab_bytes
        << R"(, "tail_bytes": )" << lives[c].tail_bytes << R"(, "smallest_request": )"
        << smallest_request_of(c, survey.statistics) << "}";
  }
  out << "],\n";
}

void write_chunks(plain_text& out, const slab_survey& survey) {
  out << R"(  "chunks": [)";
  separator comma;
  for (const surveyed_chunk& c : survey.chunks)
    out << comma.next() << R"({"address": ")" << plain_text::address(c.base) << R"(", "bytes": )" << c.bytes
        << "}";
  out << "],\n";
}

void write_slabs(plain_text& out, const slab_survey& survey) {
  constexpr std::string_view letters = "ucf.";
  out << R"(  "slabs": [)";
  separator comma;
  for (const surveyed_slab& s : survey.slabs) {
    out << comma.next() << R"({"address": ")" << plain_text::address(s.base) << R"(", "bytes": )" << s.bytes
        << R"(, "chunk": )" << s.chunk << R"(, "block_size": )" << block_size_of(s.c) << R"(, "blocks": ")";
    std::string blocks(s.blocks, ' ');
    for (std::size_t i = 0; i < s.blocks; ++i) blocks[i] = letters[static_cast<std::size_t>(s.state_of(i))];
    out << blocks << R"("})";
  }
  out << "]\n";
}

} // namespace

void write_json(std::ostream& stream, std::string_view pool, const slab_survey& survey) {
  plain_text out(stream);
  out << R"({"report": "quarry", "version": 1, "pool": ")" << pool << "\",\n";
  write_options(out, survey);
  write_statistics(out, survey.statistics);
  write_classes(out, survey);
  write_chunks(out, survey);
  write_slabs(out, survey);
  out << "}\n";
  out.flush();
}

} // namespace quarry::detail
