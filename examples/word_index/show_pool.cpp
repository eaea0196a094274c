#include "show_pool.hpp"

#include "build_index.hpp"
#include "examples/progress_bar.hpp"

#include <quarry/pool_resource.hpp>
#include <quarry/report.hpp>

#include <fstream>
#include <iostream>
#include <stdexcept>

namespace word_index {

namespace {

void draw(const quarry::synchronized_pool_resource& pool, const std::filesystem::path& picture) {
  std::ofstream stream(picture, std::ios::binary);
  quarry::report::svg(stream, pool);
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + picture.native());
}

} // namespace

void show_pool(const std::vector<std::filesystem::path>& files,
               const std::optional<std::filesystem::path>& picture) {
  quarry::synchronized_pool_resource pool;
  tally read;
  const index words = [&] {
    examples::progress_bar bar(stdout, "quarry, for the report", "files");
    return build_index(files, &pool, read, [&](std::size_t done) { bar.show(done, files.size()); });
  }();
  quarry::report::text(std::cout, pool);
  if (picture) draw(pool, *picture);
}

} // namespace word_index
