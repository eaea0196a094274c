#include "measure.hpp"

#include "measure_threads.hpp"
#include "stopwatch.hpp"

#include "../../src/pool.hpp"
#include "../../src/slab_source.hpp"

#include <quarry/pool_resource.hpp>

#include <array>
#include <memory_resource>
#include <mutex>

namespace quarry_simulation {
namespace {

using namespace quarry::detail;

constexpr quarry::size_class measured_class = quarry::size_class_of(64, 8);

double hot_call() {
  quarry::synchronized_pool_resource pool;
  const auto pair = [&] { pool.deallocate(pool.allocate(64, 8), 64, 8); };
  for (int i = 0; i < 1000; ++i) pair(); // until the thread has its magazines
  return ns_per_call(pair) / 2;
}

double uncontended_lock() {
  std::mutex mutex;
  return ns_per_call([&] { const std::lock_guard guard(mutex); });
}

// 4 MiB in chunks, so that glibc itself has to ask the system now and then.
double upstream_call() {
  constexpr std::size_t bytes = 65536;
  std::array<void*, 64> chunks;
  return ns_per_call([&] {
           for (void*& chunk : chunks) chunk = std::pmr::new_delete_resource()->allocate(bytes);
           for (void* const chunk : chunks) std::pmr::new_delete_resource()->deallocate(chunk, bytes);
         }) /
         (2 * chunks.size());
}

// A pool of one class with thousands of blocks in use, without its locks but with its shared counters.
struct pool_of_one_class {
  upstream up{std::pmr::new_delete_resource(), false};
  usage use{true};
  slab_source source{up, use, {}, false};
  pool slabs{measured_class, source, use, false};
  std::array<void*, pool::most_at_once> blocks{};

  pool_of_one_class() {
    for (int i = 0; i < 100; ++i) slabs.refill(blocks.data(), blocks.size());
  }
  ~pool_of_one_class() {
    auto all = source.remove_all();
    source.give_back(all);
  }

  // 64 blocks, `at_once` in each call.
  void refill(std::size_t at_once) {
    for (std::size_t i = 0; i < blocks.size(); i += at_once) slabs.refill(blocks.data() + i, at_once);
  }
  void flush(std::size_t at_once) {
    slab* emptied = nullptr;
    std::array<bad_block, pool::most_at_once> bad;
    for (std::size_t i = 0; i < blocks.size(); i += at_once)
      slabs.flush(blocks.data() + i, at_once, emptied, bad.data());
    if (emptied != nullptr) source.give(emptied);
  }
};

// From a call's time with 1 and with 64 blocks: what a call costs, and what each block.
void split(double one, double all, double& per_call, double& per_block) {
  constexpr auto count = static_cast<double>(pool::most_at_once);
  per_block = (all - one) / (count - 1);
  per_call = one - per_block;
}

void measure_exchange(costs& c) {
  constexpr auto count = static_cast<double>(pool::most_at_once);
  pool_of_one_class p;
  double refill_one, refill_all, flush_one, flush_all;
  refill_one = flush_all = 0;
  ns_of_both([&] { p.refill(1); }, [&] { p.flush(pool::most_at_once); }, refill_one, flush_all);
  ns_of_both([&] { p.refill(pool::most_at_once); }, [&] { p.flush(1); }, refill_all, flush_one);
  split(refill_one / count, refill_all, c.refill, c.refill_block);
  split(flush_one / count, flush_all, c.flush, c.flush_block);
}

double slab_taken_or_given() {
  pool_of_one_class p;
  return ns_per_call([&] { p.source.give(&p.source.take(measured_class, 65536)); }) / 2;
}

} // namespace

costs measure_costs() {
  costs c;
  for (const parameter& p : parameters()) c.*p.value = 0;
  c.hot = hot_call();
  measure_exchange(c);
  c.slab = slab_taken_or_given();
  c.upstream_call = upstream_call();
  c.lock = uncontended_lock();
  c.near_line = line_transfer();
  measure_wake(c.wake_call, c.wake_latency);
  return c;
}

} // namespace quarry_simulation
