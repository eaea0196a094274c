#include "build_index.hpp"

#include "files.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

namespace word_index {
namespace {

using paths = std::vector<std::filesystem::path>;

/// What one thread finds: an index of the files that it took, in ascending order.
struct part {
  index words;
  tally read;
};

void add_file(part& mine, file_reader& reader, const std::filesystem::path& path, std::uint32_t number) {
  const auto content = reader.read(path);
  if (!content) {
    ++mine.read.unreadable_files;
  } else if (is_binary(*content)) {
    ++mine.read.binary_files;
  } else {
    ++mine.read.text_files;
    mine.read.text_bytes += content->size();
    add_text(mine.words, number, *content);
  }
}

part take_files(const paths& files, std::atomic<std::size_t>& next, std::pmr::memory_resource* memory) {
  part mine{index(memory), {}};
  file_reader reader(memory);
  for (std::size_t number; (number = next.fetch_add(1)) < files.size();)
    add_file(mine, reader, files[number], static_cast<std::uint32_t>(number));
  return mine;
}

void add(tally& total, const tally& more) {
  total.text_files += more.text_files;
  total.text_bytes += more.text_bytes;
  total.binary_files += more.binary_files;
  total.unreadable_files += more.unreadable_files;
}

} // namespace

index build_index(const paths& files, std::pmr::memory_resource* memory, tally& total,
                  const std::function<void(std::size_t)>& show) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::future<part>> threads;
  for (int i = 0; i != thread_count; ++i)
    threads.push_back(std::async(std::launch::async, [&] { return take_files(files, next, memory); }));

  index words(memory);
  for (auto& thread : threads) {
    while (thread.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready)
      show(std::min(next.load(), files.size()));
    part finished = thread.get();
    add(total, finished.read);
    merge(words, finished.words);
  }
  return words;
}

} // namespace word_index
