#include <quarry/report.hpp>

#include <quarry/pool_resource.hpp>
#include <quarry/segment_pool.hpp>

#include "report_writers.hpp"

namespace quarry {

namespace detail {

void class_life::add(const surveyed_slab& s) noexcept {
  ++slabs;
  slab_bytes += s.bytes;
  tail_bytes += s.bytes - s.blocks * block_sizes[s.c];
  const auto counts = s.count();
  for (std::size_t state = 0; state < block_state_count; ++state) blocks[state] += counts[state];
}

void class_life::add(const class_life& other) noexcept {
  slabs += other.slabs;
  slab_bytes += other.slab_bytes;
  tail_bytes += other.tail_bytes;
  for (std::size_t state = 0; state < block_state_count; ++state) blocks[state] += other.blocks[state];
}

std::array<class_life, size_class_count> life_of_classes(const slab_survey& survey) noexcept {
  std::array<class_life, size_class_count> lives{};
  for (const surveyed_slab& s : survey.slabs) lives[s.c].add(s);
  return lives;
}

} // namespace detail

namespace {

constexpr std::string_view unsynchronized = "unsynchronized_pool_resource";
constexpr std::string_view synchronized = "synchronized_pool_resource";
constexpr std::string_view segments = "segment_pool";

} // namespace

void report::text(std::ostream& out, const unsynchronized_pool_resource& pool) {
  detail::write_text(out, unsynchronized, detail::surveyor::survey(pool));
}
void report::text(std::ostream& out, const synchronized_pool_resource& pool) {
  detail::write_text(out, synchronized, detail::surveyor::survey(pool));
}
void report::text(std::ostream& out, const segment_pool& pool) {
  detail::write_text(out, segments, detail::surveyor::survey(pool));
}

void report::json(std::ostream& out, const unsynchronized_pool_resource& pool) {
  detail::write_json(out, unsynchronized, detail::surveyor::survey(pool));
}
void report::json(std::ostream& out, const synchronized_pool_resource& pool) {
  detail::write_json(out, synchronized, detail::surveyor::survey(pool));
}
void report::json(std::ostream& out, const segment_pool& pool) {
  detail::write_json(out, segments, detail::surveyor::survey(pool));
}

void report::svg(std::ostream& out, const unsynchronized_pool_resource& pool) {
  detail::write_svg(out, unsynchronized, detail::surveyor::survey(pool));
}
void report::svg(std::ostream& out, const synchronized_pool_resource& pool) {
  detail::write_svg(out, synchronized, detail::surveyor::survey(pool));
}
void report::svg(std::ostream& out, const segment_pool& pool) {
  detail::write_svg(out, segments, detail::surveyor::survey(pool));
}

} // namespace quarry
