// A word that threads share. Rung 0.
#pragma once

namespace quarry::detail {

/// What we need of std::atomic, whose header costs more than all of ours.
template <class Word>
class atomic_word {
public:
  constexpr atomic_word() noexcept = default;
  constexpr atomic_word(Word value) noexcept : value_(value) {}
  atomic_word(const atomic_word&) = delete;
  atomic_word& operator=(const atomic_word&) = delete;

  Word load_relaxed() const noexcept { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  Word load_acquire() const noexcept { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }
  void store_relaxed(Word value) noexcept { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }
  void store_release(Word value) noexcept { __atomic_store_n(&value_, value, __ATOMIC_RELEASE); }
  void add_relaxed(Word value) noexcept { __atomic_fetch_add(&value_, value, __ATOMIC_RELAXED); }
  void add_release(Word value) noexcept { __atomic_fetch_add(&value_, value, __ATOMIC_RELEASE); }
  /// Returns what is left.
  Word subtract(Word value) noexcept { return __atomic_sub_fetch(&value_, value, __ATOMIC_ACQ_REL); }

  /// Stores `desired` if the word is `expected`; otherwise, or now and then, puts the word into `expected`.
  bool compare_exchange_acquire(Word& expected, Word desired) noexcept {
    return __atomic_compare_exchange_n(&value_, &expected, desired, true, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);
  }

  /// Stores `desired` if the word is `expected`.
  bool compare_exchange(Word expected, Word desired) noexcept {
    return __atomic_compare_exchange_n(&value_, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
  }

private:
  Word value_{};
};

} // namespace quarry::detail
