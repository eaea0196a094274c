#pragma once

#include "../support/dice.hpp"
#include "../support/ledger_resource.hpp"
#include "../support/sanitizers.hpp"

#include <quarry/pool_resource.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace quarry::test {

inline constexpr std::size_t mebibyte = std::size_t{1} << 20;

using unsync = quarry::unsynchronized_pool_resource;
using sync = quarry::synchronized_pool_resource;

// For TYPED_TEST_SUITE: what holds for both pools is written once.
using both_pools = ::testing::Types<unsync, sync>;
struct pool_names {
  template <class Pool>
  static std::string GetName(int) {
    return std::is_same_v<Pool, sync> ? "synchronized" : "unsynchronized";
  }
};

// Under ASan the pools keep no caches and pad every block: bounds on memory are not promised there.
#define SKIP_MEMORY_BOUND_UNDER_ASAN()                                                                       \
  if (under_asan) GTEST_SKIP() << "memory bounds do not apply under ASan"

template <class T>
void shuffle(std::vector<T>& v, dice& d) {
  for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[d.below(i)]);
}

struct block {
  void* address;
  std::size_t bytes, alignment;
};

// Every byte of a block depends on its owner and on its place, so that two owners or a shift are seen.
inline void write_pattern(const block& b, std::size_t id) {
  auto* const bytes = static_cast<unsigned char*>(b.address);
  for (std::size_t i = 0; i < b.bytes; ++i) bytes[i] = static_cast<unsigned char>(id * 37 + i);
}
inline bool holds_pattern(const block& b, std::size_t id) {
  const auto* const bytes = static_cast<const unsigned char*>(b.address);
  for (std::size_t i = 0; i < b.bytes; ++i)
    if (bytes[i] != static_cast<unsigned char>(id * 37 + i)) return false;
  return true;
}

// The blocks a caller has of one pool; gives them back when it goes.
template <class Pool>
class population {
public:
  explicit population(Pool& pool) : pool_(pool) {}
  ~population() { free_all(); }
  population(const population&) = delete;
  population& operator=(const population&) = delete;

  void add(std::size_t bytes, std::size_t alignment = 8) {
    blocks_.push_back({pool_.allocate(bytes, alignment), bytes, alignment});
    bytes_ += bytes;
  }
  // The last block takes the freed one's place.
  void free_at(std::size_t i) {
    const block b = blocks_[i];
    blocks_[i] = blocks_.back();
    blocks_.pop_back();
    bytes_ -= b.bytes;
    pool_.deallocate(b.address, b.bytes, b.alignment);
  }
  void free_random(dice& d) { free_at(d.below(size())); }
  void free_last() { free_at(size() - 1); }
  void free_all() {
    while (size() != 0) free_last();
  }
  void forget_all() { // after the pool's release()
    blocks_.clear();
    bytes_ = 0;
  }

  std::size_t size() const { return blocks_.size(); }
  std::size_t bytes() const { return bytes_; }
  const std::vector<block>& blocks() const { return blocks_; }

private:
  Pool& pool_;
  std::vector<block> blocks_;
  std::size_t bytes_ = 0;
};

inline void on_another_thread(const std::function<void()>& work) { std::thread(work).join(); }

// Runs work(0) … work(count - 1), each on its own thread, and waits for all.
inline void on_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (auto& t : threads) t.join();
}

// Three threads that allocate, free and now and then trim.
inline void churn_and_trim(sync& pool, std::size_t times) {
  on_threads(3, [&](std::size_t thread) {
    dice d(thread);
    population<sync> live(pool);
    for (std::size_t i = 0; i < times; ++i) {
      live.add(d.between(1, 1000));
      if (live.size() > 300) live.free_random(d);
      if (i % 2000 == 0) pool.trim();
    }
  });
}

} // namespace quarry::test
