// A ring of batches between one writer and one reader.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <thread>

namespace quarry_bench {

template <class Item, std::size_t BatchSize, std::size_t BatchesOnTheWay>
class batch_queue {
public:
  using batch = std::array<Item, BatchSize>;

  template <class Fill>
  void push(const Fill& fill) {
    const auto at = written_.load(std::memory_order_relaxed);
    while (at - read_.load(std::memory_order_acquire) == BatchesOnTheWay) std::this_thread::yield();
    fill(ring_[at % BatchesOnTheWay]);
    written_.store(at + 1, std::memory_order_release);
  }

  template <class Drain>
  void pop(const Drain& drain) {
    const auto at = read_.load(std::memory_order_relaxed);
    while (written_.load(std::memory_order_acquire) == at) std::this_thread::yield();
    drain(ring_[at % BatchesOnTheWay]);
    read_.store(at + 1, std::memory_order_release);
  }

private:
  std::array<batch, BatchesOnTheWay> ring_{};
  alignas(64) std::atomic<std::size_t> written_{0};
  alignas(64) std::atomic<std::size_t> read_{0};
};

} // namespace quarry_bench
