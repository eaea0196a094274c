#include "chart.hpp"

#include "tables.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <ostream>
#include <stdexcept>

namespace quarry_replay {

namespace {

constexpr double picture_width = 1160, panel_height = 430;
constexpr double plot_left = 84, plot_right = 920, plot_top = 84, plot_bottom = 370; // in the panel
constexpr double label_left = 950, label_step = 19;

struct style {
  const char *beginning, *colour, *dashes; // of the resources whose name begins so
};

// Colours that are told apart without red and green; the thread-safe twin of a resource is dashed.
constexpr style styles[] = {
    {"quarry-unsync", "#0072b2", "none"}, {"quarry-sync", "#0072b2", "7 4"},
    {"quarry-seg", "#a0458f", "none"},    {"std-unsync", "#d55e00", "none"},
    {"std-sync", "#d55e00", "7 4"},       {"boost-unsync", "#00875f", "none"},
    {"boost-sync", "#00875f", "7 4"},     {"", "#3a3f47", "2 3"},
};

const style& style_of(const std::string& resource) {
  return *std::find_if(std::begin(styles), std::end(styles),
                       [&](const style& s) { return resource.starts_with(s.beginning); });
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) switch (c) {
    case '<':
      result += "&lt;";
      break;
    case '&':
      result += "&amp;";
      break;
    default:
      if (static_cast<unsigned char>(c) >= 0x20) result += c; // others are no characters of XML
    }
  return result;
}

// 1, 2 or 5 times a power of ten, so that there are at most six steps to `most`.
double nice_step(double most) {
  const double least = most / 6, power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least) return factor * power;
  return 10 * power;
}

// As short as the step allows: "0.05", "10".
std::string tick_text(double value, double step) {
  return fixed(value, std::max(0, -static_cast<int>(std::floor(std::log10(step)))));
}

std::string with_spaces(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, "\u2009");
  return digits;
}

} // namespace

// Writes a panel whose upper edge is at `top`.
class panel_writer {
public:
  panel_writer(std::ostream& out, const chart::panel& p, double top) : out_(out), panel_(p), top_(top) {
    for (const auto& line : p.lines) most_ = std::max(most_, line.peak);
  }

  void write() {
    write_title();
    write_live();
    write_grid();
    for (auto line = panel_.lines.rbegin(); line != panel_.lines.rend(); ++line) write_line(*line);
    write_labels();
  }

private:
  struct label {
    const chart::line* of;
    double line_end, y;
  };

  double x(std::size_t point, std::size_t count) const {
    return plot_left +
           (plot_right - plot_left) * (static_cast<double>(point) + 0.5) / static_cast<double>(count);
  }
  double y(double bytes) const {
    return top_ + plot_bottom - (plot_bottom - plot_top) * bytes / (static_cast<double>(most_) * 1.04);
  }
  double y(std::size_t bytes) const { return y(static_cast<double>(bytes)); }

  void text(double at_x, double at_y, const char* attributes, const std::string& words) {
    out_ << "<text x=\"" << at_x << "\" y=\"" << at_y << "\" " << attributes << '>' << escaped(words)
         << "</text>\n";
  }

  void write_title() {
    text(plot_left, top_ + 36, "class=\"title\"", panel_.name);
    text(plot_left, top_ + 60, "class=\"quiet\"",
         "memory held by each resource while the program runs, over what is live (grey, at most " +
             mib(panel_.peak_live) + "); " + with_spaces(panel_.events) + " events");
  }

  void write_grid() {
    const double mib_bytes = 1 << 20, most = static_cast<double>(most_) / mib_bytes, step = nice_step(most);
    for (int i = 0; i * step <= most * 1.04; ++i) {
      const double at = y(i * step * mib_bytes);
      out_ << "<path class=\"" << (i == 0 ? "axis" : "grid") << "\" d=\"M" << plot_left << ' ' << at << 'H'
           << plot_right << "\"/>\n";
      text(plot_left - 10, at + 4, "class=\"quiet\" text-anchor=\"end\"",
           tick_text(i * step, step) + (i == 0 ? "" : " MiB"));
    }
    for (int quarter = 0; quarter <= 4; ++quarter)
      text(plot_left + (plot_right - plot_left) * quarter / 4, top_ + plot_bottom + 22,
           "class=\"quiet\" text-anchor=\"middle\"", std::to_string(quarter * 25) + " %");
    text((plot_left + plot_right) / 2, top_ + plot_bottom + 42, "class=\"quiet\" text-anchor=\"middle\"",
         "of the program's allocations and deallocations");
  }

  void write_live() {
    const auto& points = panel_.lines.front().points; // live is the same for all
    out_ << "<path class=\"live\" d=\"M" << plot_left << ' ' << y(0.0);
    for (std::size_t i = 0; i < points.size(); ++i)
      out_ << 'L' << x(i, points.size()) << ' ' << y(points[i].live);
    out_ << 'L' << plot_right << ' ' << y(points.back().live) << 'V' << y(0.0) << "Z\"/>\n";
  }

  void write_line(const chart::line& line) {
    const style& s = style_of(line.resource);
    out_ << "<path class=\"line\" stroke=\"" << s.colour << "\" stroke-dasharray=\"" << s.dashes << "\" d=\"";
    for (std::size_t i = 0; i < line.points.size(); ++i)
      out_ << (i == 0 ? 'M' : 'L') << x(i, line.points.size()) << ' ' << y(line.points[i].held);
    out_ << "\"/>\n";
  }

  // Beside the ends of their lines, moved apart until none covers another.
  std::vector<label> placed_labels() const {
    std::vector<label> labels;
    for (const auto& line : panel_.lines) {
      const double end = y(line.points.back().held);
      labels.push_back({&line, end, end});
    }
    std::stable_sort(labels.begin(), labels.end(), [](const auto& a, const auto& b) { return a.y < b.y; });
    double least = top_ + plot_top;
    for (auto& l : labels) least = (l.y = std::max(l.y, least)) + label_step;
    double most = top_ + plot_bottom;
    for (auto l = labels.rbegin(); l != labels.rend(); ++l) most = (l->y = std::min(l->y, most)) - label_step;
    return labels;
  }

  void write_labels() {
    text(label_left, top_ + 60, "class=\"quiet\"", "peak held ÷ peak live");
    for (const auto& l : placed_labels()) {
      const style& s = style_of(l.of->resource);
      out_ << "<path class=\"leader\" stroke=\"" << s.colour << "\" stroke-dasharray=\"" << s.dashes
           << "\" d=\"M" << plot_right << ' ' << l.line_end << 'L' << label_left - 8 << ' ' << l.y
           << "\"/>\n<g fill=\"" << s.colour << "\">";
      text(label_left, l.y + 4, "class=\"name\"", l.of->resource);
      text(picture_width - 24, l.y + 4, "class=\"name\" text-anchor=\"end\"",
           fixed(static_cast<double>(l.of->peak) / static_cast<double>(panel_.peak_live), 2) + " ×");
      out_ << "</g>\n";
    }
  }

  std::ostream& out_;
  const chart::panel& panel_;
  double top_;
  std::size_t most_ = 1;
};

void chart::add(const program& p, const std::vector<result>& results) {
  if (results.empty()) return;
  panel next{p.name, p.events, p.peak_live_bytes, {}};
  for (const auto& r : results) next.lines.push_back({r.resource, r.memory.peak_counted, r.memory.history});
  panels_.push_back(std::move(next));
}

void chart::write(const std::filesystem::path& file) const {
  std::ofstream out(file);
  const double height = panel_height * static_cast<double>(panels_.size()) + 16;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << picture_width << ' ' << height
      << "\" width=\"" << picture_width << "\" height=\"" << height << "\">\n"
      << "<style>text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:inherit}"
         ".title{font-size:22px;font-weight:600;fill:#1c2026}.quiet{fill:#5c6470}.name{font-weight:600}"
         ".axis{stroke:#5c6470}.grid{stroke:#5c6470;stroke-opacity:.18}.live{fill:#cdd3dc}"
         ".line{fill:none;stroke-width:2;stroke-linejoin:round}.leader{fill:none;stroke-opacity:.6}"
         "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  for (std::size_t i = 0; i < panels_.size(); ++i)
    panel_writer(out, panels_[i], panel_height * static_cast<double>(i)).write();
  out << "</svg>\n";
  out.close();
  if (!out) throw std::runtime_error(file.string() + ": cannot be written");
}

} // namespace quarry_replay
