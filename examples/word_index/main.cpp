// Indexes every word of the text files under a directory, on two threads, in pmr containers, and shows
// what that costs on quarry's pool, on std's and on plain new and delete, and what is in quarry's pool then.

#include "files.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "output_file.hpp"
#include "scratch_directory.hpp"
#include "show_pool.hpp"

#include "examples/standard_output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

namespace word_index {
namespace {

using paths = std::vector<std::filesystem::path>;

paths output_per_subject(const std::filesystem::path& directory) {
  paths outputs;
  for (std::size_t i = 0; i != std::size(subjects); ++i) outputs.push_back(directory / std::to_string(i));
  return outputs;
}

bool same_bytes(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::ifstream left(a, std::ios::binary), right(b, std::ios::binary);
  using bytes = std::istreambuf_iterator<char>;
  return left && right && std::equal(bytes(left), bytes(), bytes(right), bytes());
}

void expect_the_same(const paths& outputs) {
  for (std::size_t i = 1; i != outputs.size(); ++i)
    if (!same_bytes(outputs.front(), outputs[i]))
      throw std::runtime_error("the indexes of " + std::string(subjects[0].name) + " and " +
                               std::string(subjects[i].name) +
                               " differ; were files changed while they were read?");
}

/// Writes to what is at `to`, be it a device or a link, and does not put a file in its place.
void write_through(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::ifstream in(from, std::ios::binary);
  output_file out(to);
  std::array<char, 64 << 10> buffer;
  do {
    in.read(buffer.data(), buffer.size());
    out.put({buffer.data(), static_cast<std::size_t>(in.gcount())});
  } while (in);
  if (!in.eof()) throw std::runtime_error("cannot read " + from.native());
  out.close();
}

double mib(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

void print(const summary& found, std::size_t unreadable_directories) {
  std::printf("%zu text files, %.1f MiB, read on %d threads; skipped: %zu binary and %zu unreadable files, "
              "%zu unreadable directories\n",
              found.read.text_files, mib(found.read.text_bytes), thread_count, found.read.binary_files,
              found.read.unreadable_files, unreadable_directories);
}

void print(const std::vector<costs>& all) {
  std::printf("\n%-12s %12s %16s %16s %16s\n", "", "time", "peak upstream", "peak resident",
              "upstream calls");
  for (std::size_t i = 0; i != all.size(); ++i)
    std::printf("%-12s %10.2f s %12.1f MiB %12.1f MiB %16zu\n", std::string(subjects[i].name).c_str(),
                all[i].seconds, mib(all[i].peak_bytes), mib(all[i].peak_resident), all[i].upstream_calls);
  std::printf(
      "(time: median of %d runs, each in a process of its own; calls and bytes counted in another)\n\n",
      timed_rounds);
}

/// Leaves one index, the same from all subjects.
std::vector<costs> measure_and_index(const file_list& list, const std::filesystem::path& output,
                                     summary& found) {
  const scratch_directory scratch;
  const paths outputs = output_per_subject(scratch.path());
  auto all = measure_all(list.files, outputs, found);
  expect_the_same(outputs);
  write_through(outputs.front(), output);
  return all;
}

/// Beside a file; not beside a device, nor a pipe.
std::optional<std::filesystem::path> picture_beside(const std::filesystem::path& output) {
  if (!std::filesystem::is_regular_file(output)) return std::nullopt;
  return output.native() + ".svg";
}

void run(const options& chosen) {
  const file_list list = files_under(chosen.directories);
  summary found;
  const auto all = measure_and_index(list, chosen.output, found);
  print(found, list.unreadable_directories);
  print(all);
  std::printf("%zu words at %zu places in %s, the same from all\n\n", found.words, found.postings,
              chosen.output.c_str());
  const auto picture = picture_beside(chosen.output);
  show_pool(list.files, picture);
  if (picture)
    std::printf("\nThe pool's slabs, block by block, to open in a browser: %s\n", picture->c_str());
}

} // namespace
} // namespace word_index

int main(int argc, char** argv) try {
  const auto chosen = word_index::parse(argc, argv);
  if (chosen.help)
    std::puts(word_index::usage);
  else
    word_index::run(chosen);
  examples::finish_standard_output();
  return 0;
} catch (const word_index::usage_error& error) {
  std::fprintf(stderr, "word_index: %s\n", error.what());
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "word_index: %s\n", error.what());
  return 1;
}
