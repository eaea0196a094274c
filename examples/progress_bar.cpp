#include "progress_bar.hpp"

#include <unistd.h>
#include <utility>

namespace examples {

progress_bar::progress_bar(std::FILE* stream, std::string label, std::string unit)
    : stream_(stream), label_(std::move(label)), unit_(std::move(unit)),
      on_terminal_(::isatty(::fileno(stream)) == 1) {}

progress_bar::~progress_bar() {
  if (!on_terminal_) return;
  std::fputs("\r\033[K", stream_);
  std::fflush(stream_);
}

void progress_bar::show(std::size_t done, std::size_t total) {
  if (!on_terminal_) return;
  constexpr std::size_t width = 40;
  const std::size_t filled = total == 0 ? width : width * done / total;
  const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  std::fprintf(stream_, "\r%s [%s] %zu of %zu %s", label_.c_str(), bar.c_str(), done, total, unit_.c_str());
  std::fflush(stream_);
}

} // namespace examples
