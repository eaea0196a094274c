#include "report.hpp"

#include "results.hpp"

#include <iomanip>
#include <ostream>

namespace quarry_simulation {
namespace {

constexpr std::array core_counts{1, 2, 16, 32, 64, 128};
constexpr std::array own_works{0.0, 200.0};

void print_row(std::ostream& out, const outcome& o, double rate_of_one) {
  constexpr std::array shown{part::hot,      part::cold,  part::class_wait, part::source_wait,
                             part::upstream, part::lines, part::idle};
  out << std::setprecision(3) << o.operations_per_us_and_core() / rate_of_one << std::setprecision(0);
  for (const part p : shown) out << " | " << o.share(p) * 100;
  out << " | " << 1000 * static_cast<double>(o.cold_calls) / static_cast<double>(o.calls)
      << std::setprecision(2) << " | "
      << static_cast<double>(o.bytes_held) / static_cast<double>(o.bytes_taken) << " |\n";
}

void print_table(std::ostream& out, const results& all, const std::string& workload) {
  out << "\n### " << workload << "\n\n"
      << "| cores | design | per core | hot | cold | class wait | source wait | upstream | lines | idle | "
         "cold "
         "calls ‰ | held ÷ taken |\n|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const int cores : core_counts)
    for (const design& d : designs) {
      out << "| " << cores << " | " << d.name << " | ";
      print_row(out, all.at(workload, cores, d), all.rate_of_one(workload));
    }
}

void print_summary(std::ostream& out, const results& all, double own_work) {
  out << "\n## Operations per core and second, those of one core as built being 1; geometric means; own work "
      << std::setprecision(0) << own_work << " ns\n\n| cores |";
  for (const design& d : designs) out << ' ' << d.name << " |";
  out << "\n|--:|";
  for (std::size_t i = 0; i < designs.size(); ++i) out << "--:|";
  out << '\n' << std::setprecision(3);
  for (const int cores : core_counts) {
    out << "| " << cores << " |";
    for (const design& d : designs) out << ' ' << all.mean_rate(cores, d) << " |";
    out << '\n';
  }
}

// The change by itself that helps most, and whether it is worth while.
void print_conclusion(std::ostream& out, const results& all, int cores) {
  constexpr double worth_while = 1.2;
  const design& built = designs.front();
  const design& best = all.best_change(cores);
  const double gain = all.mean_rate(cores, best) / all.mean_rate(cores, built);
  const double gain_of_all = all.mean_rate(cores, designs.back()) / all.mean_rate(cores, built);
  const auto [largest, share] = all.largest_loss(cores);
  out << "- " << cores << " cores: as built, the largest loss is " << largest << " (" << std::setprecision(0)
      << share * 100 << " % of the time, mean over the workloads). Of single changes, " << best.name
      << " helps most (" << std::setprecision(2) << gain << " ×), all of them give " << gain_of_all << " ×";
  if (gain >= worth_while)
    out << ": would be changed, first to " << best.name << ".\n";
  else if (gain_of_all >= worth_while)
    out << ": only together are they worth while.\n";
  else
    out << ": would be left as it is.\n";
}

} // namespace

void report(std::ostream& out, const std::vector<named_workload>& workloads) {
  out << std::fixed;
  for (const double own_work : own_works) {
    costs c;
    c.own_work = own_work;
    results all(c);
    for (const named_workload& w : workloads)
      for (const int cores : core_counts) all.add(w.name, w.make(cores));
    if (own_work == 0) {
      out << "\n## Where the time goes: shares in %, nothing but allocation\n";
      for (const named_workload& w : workloads) print_table(out, all, w.name);
    }
    print_summary(out, all, own_work);
    out << '\n';
    for (const int cores : core_counts)
      if (cores > 1) print_conclusion(out, all, cores);
  }
}

} // namespace quarry_simulation
