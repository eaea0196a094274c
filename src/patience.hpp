// How long a thread that lacks room for magazines waits before it takes that of an idle one. Rung 0.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace quarry::detail {

// To rob an idle cache is dear, and who was robbed has to fetch anew what it had. So where those robbed come
// back soon, as the stages of a pipeline do, patience doubles; where they don't, it fades.
//
//   least ≤ calls() ≤ most
//
/// Robberies are noted by one at a time, returns by any thread.
class patience {
public:
  static constexpr std::uint32_t least = 4, most = 4096;
  static constexpr std::uint32_t soon = 16; ///< robberies

  /// Cold calls that lack room, before the next robbery.
  std::uint16_t calls() const noexcept { return calls_.load(std::memory_order_relaxed); }

  /// Returns the number of this one, for note_return.
  std::uint32_t note_robbery() noexcept {
    const bool too_soon = came_back_soon_.exchange(false, std::memory_order_relaxed);
    const std::uint32_t now = calls();
    const std::uint32_t next = too_soon ? std::min(now * 2, most) : std::max(now * 7 / 8, least);
    calls_.store(static_cast<std::uint16_t>(next), std::memory_order_relaxed);
    const std::uint32_t number = robberies_.load(std::memory_order_relaxed) + 1;
    robberies_.store(number, std::memory_order_relaxed);
    return number;
  }

  /// Who was robbed by that one is at work again.
  void note_return(std::uint32_t number) noexcept {
    if (robberies_.load(std::memory_order_relaxed) - number < soon)
      came_back_soon_.store(true, std::memory_order_relaxed);
  }

private:
  std::atomic<std::uint16_t> calls_ = least;
  std::atomic<std::uint32_t> robberies_ = 0; // modulo 2^32
  std::atomic<bool> came_back_soon_ = false; // one did, since the last robbery
};

} // namespace quarry::detail
