#include "write_index.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <stdexcept>

namespace word_index {
namespace {

using entry = index::value_type;

std::pmr::vector<const entry*> sorted_by_word(const index& words) {
  std::pmr::vector<const entry*> entries(words.get_allocator());
  entries.reserve(words.size());
  for (const entry& each : words) entries.push_back(&each);
  std::sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->first < b->first; });
  return entries;
}

void append_number(std::pmr::string& line, std::uint32_t number) {
  char digits[10];
  line.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_postings(std::pmr::string& line, const std::pmr::vector<posting>& postings) {
  const posting* previous = nullptr;
  for (const posting& each : postings) {
    if (previous && previous->file == each.file) {
      line += ',';
    } else {
      line += ' ';
      append_number(line, each.file);
      line += ':';
    }
    append_number(line, each.line);
    previous = &each;
  }
}

} // namespace

void write_index(const index& words, const std::vector<std::filesystem::path>& files,
                 const std::filesystem::path& output) {
  std::ofstream stream(output, std::ios::binary);
  for (std::size_t number = 0; number != files.size(); ++number)
    stream << "# " << number << ' ' << files[number].native() << '\n';
  std::pmr::string line(words.get_allocator());
  for (const entry* each : sorted_by_word(words)) {
    line = each->first;
    append_postings(line, each->second);
    line += '\n';
    stream << line;
  }
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + output.native());
}

} // namespace word_index
