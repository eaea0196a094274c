#include "index.hpp"

#include "words.hpp"

#include <algorithm>
#include <cstddef>

namespace word_index {
namespace {

std::pmr::vector<posting>& postings_of(index& words, std::string_view word) {
  if (const auto found = words.find(word); found != words.end()) return found->second;
  return words.try_emplace(std::pmr::string(word, words.get_allocator())).first->second;
}

void merge(std::pmr::vector<posting>& into, const std::pmr::vector<posting>& from) {
  const auto middle = static_cast<std::ptrdiff_t>(into.size());
  into.insert(into.end(), from.begin(), from.end());
  std::inplace_merge(into.begin(), into.begin() + middle, into.end());
}

} // namespace

void add_text(index& words, std::uint32_t file, std::string_view text) {
  for_each_word(text, [&](std::string_view word, std::uint32_t line) {
    auto& postings = postings_of(words, word);
    const posting here{file, line};
    if (postings.empty() || postings.back() != here) postings.push_back(here);
  });
}

void merge(index& into, index& from) {
  into.merge(from); // moves the words that `into` lacks, node by node
  for (const auto& [word, postings] : from) merge(into.find(word)->second, postings);
  from.clear();
}

} // namespace word_index
