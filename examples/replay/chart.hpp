// A picture in SVG: what each resource holds while a program runs, over what the program has live.
#pragma once

#include "measure.hpp"

#include <filesystem>
#include <iosfwd>

namespace quarry_replay {

/// A panel for each program, one below the other.
class chart {
public:
  void add(const program&, const std::vector<result>&);
  void write(const std::filesystem::path& file) const; ///< throws std::runtime_error when it cannot

private:
  struct line {
    std::string resource;
    std::size_t peak;
    std::vector<memory_point> points;
  };
  struct panel {
    std::string name;
    std::size_t events, peak_live;
    std::vector<line> lines;
  };
  friend class panel_writer;

  std::vector<panel> panels_;
};

} // namespace quarry_replay
