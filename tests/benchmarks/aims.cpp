#include "aims.hpp"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace quarry_bench {
namespace {

constexpr const char *floor_name = "floor", *unsynchronized = "quarry unsync", *synchronized = "quarry sync",
                     *segments = "quarry segments", *shared_pointer = "std::shared_ptr",
                     *flat_copy = "memcpy";
constexpr double oversized_allowance = 1.03;

struct placed_ratio {
  double ratio;
  std::string workload, subject;
  bool operator<(const placed_ratio& other) const { return ratio < other.ratio; }
};

std::vector<double> values(const std::vector<placed_ratio>& placed) {
  std::vector<double> result;
  for (const auto& p : placed) result.push_back(p.ratio);
  return result;
}

std::vector<placed_ratio> ratios(const summary& s, part shown_in, const std::string& subject,
                                 const std::string& base) {
  std::vector<placed_ratio> result;
  for (const auto& w : s.workloads(shown_in))
    if (const auto ratio = s.ratio(w, subject, base)) result.push_back({*ratio, w, base});
  return result;
}

bool is_peer(const std::string& subject) {
  return !subject.starts_with("quarry") && subject != floor_name && subject != shared_pointer &&
         subject != flat_copy;
}

// Our time by each peer's, wherever both were measured; where most bytes are oversized, the allowance counts.
std::vector<placed_ratio> ratios_to_peers(const evidence& shown, part shown_in, const std::string& subject) {
  std::vector<placed_ratio> all;
  for (const summary* s : {&shown.in_turn, &shown.processes})
    for (const auto& peer : s->subjects()) {
      if (!is_peer(peer)) continue;
      const auto more = ratios(*s, shown_in, subject, peer);
      all.insert(all.end(), more.begin(), more.end());
    }
  return all;
}

std::string figure(double value) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << value;
  return out.str();
}

void write_line(std::ostream& out, bool met, const std::string& aim, const std::string& shown) {
  out << "- " << (met ? "met" : "MISSED") << ": " << aim << " — " << shown << '\n';
}

void write_mean(std::ostream& out, const std::string& aim, const std::vector<placed_ratio>& all,
                double limit) {
  if (all.empty()) return;
  const double mean = geometric_mean(values(all));
  const auto& worst = *std::max_element(all.begin(), all.end());
  write_line(out, mean <= limit, aim,
             figure(mean) + " (worst " + figure(worst.ratio) + ", " + worst.workload + ")");
}

void write_worst(std::ostream& out, const std::string& aim, const std::vector<placed_ratio>& all,
                 double limit) {
  if (all.empty()) return;
  std::string above;
  for (const auto& [ratio, workload, base] : all)
    if (ratio > limit) above += (above.empty() ? "" : ", ") + workload + " " + figure(ratio);
  write_line(out, above.empty(), aim,
             above.empty() ? "worst " + figure(std::max_element(all.begin(), all.end())->ratio) : above);
}

void write_ahead(std::ostream& out, const std::string& aim, const evidence& shown, part shown_in,
                 const std::string& subject) {
  auto all = ratios_to_peers(shown, shown_in, subject);
  if (all.empty()) return;
  const auto is_ahead = [&](const placed_ratio& p) {
    return p.ratio < (shown.mostly_oversized.count(p.workload) ? oversized_allowance : 1.0);
  };
  const auto behind = std::partition(all.begin(), all.end(), is_ahead);
  std::sort(behind, all.end());
  std::string text = "ahead in " + std::to_string(behind - all.begin()) + " of " +
                     std::to_string(all.size()) + " comparisons";
  for (auto p = behind; p != all.end(); ++p)
    text += (p == behind ? "; behind " : ", ") + p->subject + " on " + p->workload + " (" + figure(p->ratio) +
            ")";
  write_line(out, behind == all.end(), aim, text);
}

void write_times_of_std(std::ostream& out, const summary& s) {
  const auto all = ratios(s, part::several_threads, "std sync", synchronized);
  if (all.empty()) return;
  const double mean = geometric_mean(values(all));
  const auto& worst = *std::min_element(all.begin(), all.end());
  write_line(out, worst.ratio >= 5, "synchronized ≥ 5 × std's speed on every threaded workload",
             "least " + figure(worst.ratio) + " (" + worst.workload + "), geometric mean " + figure(mean));
}

void write_typed(std::ostream& out, const summary& s, const std::string& subject) {
  if (const auto ratio = s.ratio("pair", subject, floor_name))
    write_line(out, *ratio <= 0.6, subject + ": pair ≤ 0.6 × floor's", figure(*ratio));
}

void write_segments(std::ostream& out, const summary& s, const std::string& aim, const std::string& workload,
                    const std::string& base, double limit) {
  if (const auto ratio = s.ratio(workload, segments, base))
    write_line(out, *ratio <= limit, aim, figure(*ratio));
}

void write_memory(std::ostream& out, const std::vector<memory_result>& memory, const std::string& subject) {
  std::vector<placed_ratio> all;
  for (const auto& m : memory)
    if (m.subject == subject)
      all.push_back(
          {static_cast<double>(m.peak_counted) / static_cast<double>(m.peak_asked), m.trace, subject});
  write_worst(out, subject + ": peak counted ÷ peak asked ≤ 1.20 on every trace", all, 1.20);
}

} // namespace

void write_aims(std::ostream& out, const evidence& shown) {
  const auto on_floor = ratios(shown.in_turn, part::one_thread, unsynchronized, floor_name);
  write_mean(out, "unsynchronized ≤ 1.0 × floor", on_floor, 1.0);
  write_worst(out, "unsynchronized never above 1.3 × floor", on_floor, 1.3);
  write_ahead(out, "unsynchronized ahead of every peer on every workload and trace", shown, part::one_thread,
              unsynchronized);
  write_mean(out, "synchronized from one thread ≤ 1.4 × floor",
             ratios(shown.in_turn, part::one_thread, synchronized, floor_name), 1.4);
  write_ahead(out, "synchronized ahead of every peer on every threaded workload and trace", shown,
              part::several_threads, synchronized);
  write_times_of_std(out, shown.in_turn);
  write_typed(out, shown.in_turn, "quarry typed unsync");
  write_typed(out, shown.in_turn, "quarry typed default");
  write_segments(out, shown.in_turn, "a 4 KiB segment's pair ≤ 2 × the unsynchronized pool's", "4 KiB pair",
                 unsynchronized, 2);
  write_ahead(out, "4 KiB segments ahead of every peer, on one thread and handed over", shown, part::segments,
              segments);
  write_segments(out, shown.in_turn, "share + copy + destroy ≤ 3 × std::shared_ptr's",
                 "share + copy + destroy", shared_pointer, 3);
  write_segments(out, shown.in_turn, "chain append of 64 bytes ≤ 2 × memcpy's time", "append 64 bytes",
                 flat_copy, 2);
  write_memory(out, shown.memory, unsynchronized);
  write_memory(out, shown.memory, synchronized);
}

} // namespace quarry_bench
