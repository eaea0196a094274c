#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

namespace examples {

/// One line on a stream, drawn again and again; nothing at all where that is no terminal.
class progress_bar {
public:
  /// `unit`: of what is counted, such as "files".
  progress_bar(std::FILE* stream, std::string label, std::string unit);
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar(); ///< clears the line

  void show(std::size_t done, std::size_t total);

private:
  std::FILE* stream_;
  std::string label_, unit_;
  bool on_terminal_;
};

} // namespace examples
