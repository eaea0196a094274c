#include "progress_bar.hpp"

#include <cstdio>
#include <unistd.h>
#include <utility>

namespace word_index {

progress_bar::progress_bar(std::string label)
    : label_(std::move(label)), on_terminal_(::isatty(STDOUT_FILENO) == 1) {}

progress_bar::~progress_bar() {
  if (!on_terminal_) return;
  std::fputs("\r\033[K", stdout);
  std::fflush(stdout);
}

void progress_bar::show(std::size_t done, std::size_t total) {
  if (!on_terminal_) return;
  constexpr std::size_t width = 40;
  const std::size_t filled = total == 0 ? width : width * done / total;
  const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  std::printf("\r%s [%s] %zu of %zu files", label_.c_str(), bar.c_str(), done, total);
  std::fflush(stdout);
}

} // namespace word_index
