#pragma once

#include <cstdio>
#include <iostream>
#include <stdexcept>

namespace examples {

/// To be called when all is printed, through stdout or std::cout: throws where it did not all get out,
/// because a disk is full, or there is no such output.
inline void finish_standard_output() {
  std::cout.flush();
  if (!std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw std::runtime_error("standard output cannot be written");
}

} // namespace examples
