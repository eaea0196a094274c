#pragma once

#include <cstddef>
#include <string>

namespace word_index {

/// One line on standard output, drawn again and again; nothing at all where that is no terminal.
class progress_bar {
public:
  explicit progress_bar(std::string label);
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar(); ///< clears the line

  void show(std::size_t done, std::size_t total);

private:
  std::string label_;
  bool on_terminal_;
};

} // namespace word_index
