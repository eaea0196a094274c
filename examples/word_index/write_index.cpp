#include "write_index.hpp"

#include "output_file.hpp"

#include <algorithm>

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

void put_postings(output_file& out, const std::pmr::vector<posting>& postings) {
  const posting* previous = nullptr;
  for (const posting& each : postings) {
    if (previous && previous->file == each.file) {
      out.put(",");
    } else {
      out.put(" ");
      out.put(each.file);
      out.put(":");
    }
    out.put(each.line);
    previous = &each;
  }
}

} // namespace

void write_index(const index& words, const std::vector<std::filesystem::path>& files,
                 const std::filesystem::path& output) {
  output_file out(output);
  for (std::uint32_t number = 0; number != files.size(); ++number) {
    out.put("# ");
    out.put(number);
    out.put(" ");
    out.put(files[number].native());
    out.put("\n");
  }
  for (const entry* each : sorted_by_word(words)) {
    out.put(each->first);
    put_postings(out, each->second);
    out.put("\n");
  }
  out.close();
}

} // namespace word_index
