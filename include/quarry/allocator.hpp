// Typed allocators for the standard's types: one for the process-wide pool, one for a pool of yours. Rung 7.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

#include <quarry/allocation_result.hpp>
#include <quarry/pool_resource.hpp>
#include <quarry/thread_table.hpp>

namespace quarry {

/// The process-wide pool, on the operating system's pages. Made at its first use; outlives every static and
/// thread.
synchronized_pool_resource& default_pool() noexcept;

namespace detail {

[[noreturn]] void throw_bad_array_new_length();

/// Bytes of `n` objects of type T; throws std::bad_array_new_length when there is no such number.
template <class T>
constexpr std::size_t bytes_of(std::size_t n) {
  if (n > static_cast<std::size_t>(-1) / sizeof(T)) throw_bad_array_new_length();
  return n * sizeof(T);
}

// Out of line, so that the inline paths keep no register for them.
void* allocate_from_default_pool(std::size_t bytes, std::size_t alignment);
void deallocate_to_default_pool(void* p, std::size_t bytes, std::size_t alignment) noexcept;

/// Whether one T is served from a magazine, so that its class is a constant.
template <class T>
constexpr bool is_pooled() noexcept {
  return last_byte_of(sizeof(T), alignof(T)) < magazine_limit;
}

} // namespace detail

/// Stateless, in place of std::allocator<T> anywhere: draws on default_pool(). Usable in constant
/// expressions. (By the builtin: std's function, of libstdc++ 12 compiled as C++23 by clang 14, is always
/// true.)
template <class T>
class allocator {
public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using propagate_on_container_move_assignment = std::true_type;
  using is_always_equal = std::true_type;

  constexpr allocator() noexcept = default;
  template <class U>
  constexpr allocator(const allocator<U>&) noexcept {}

  /// Memory for `n` objects. Throws std::bad_array_new_length, or std::bad_alloc when the system has no more.
  [[nodiscard]] constexpr T* allocate(std::size_t n) {
    if (__builtin_is_constant_evaluated()) return std::allocator<T>().allocate(n);
    if (n == 1) return static_cast<T*>(allocate_one());
    return static_cast<T*>(default_pool().allocate(detail::bytes_of<T>(n), alignof(T)));
  }

  /// Gives back what allocate(n) gave, or allocate_at_least with `n` in its range. Throws nothing.
  constexpr void deallocate(T* p, std::size_t n) {
    if (__builtin_is_constant_evaluated()) return std::allocator<T>().deallocate(p, n);
    if (n == 1) return deallocate_one(p);
    default_pool().deallocate(p, n * sizeof(T), alignof(T));
  }

  /// Memory for at least `n` objects; to be deallocated with any count from `n` to the one returned.
  [[nodiscard]] constexpr allocation_result<T*> allocate_at_least(std::size_t n) {
    if (__builtin_is_constant_evaluated()) return {allocate(n), n};
    const auto [p, size] = default_pool().allocate_at_least(detail::bytes_of<T>(n), alignof(T));
    return {static_cast<T*>(p), size / sizeof(T)};
  }

  template <class U>
  constexpr bool operator==(const allocator<U>&) const noexcept {
    return true;
  }

private:
  static void* allocate_one() {
    if constexpr (detail::is_pooled<T>()) {
      constexpr size_class c = size_class_of(sizeof(T), alignof(T));
      if (void* const block = detail::this_thread_default_set->pop_shared(c)) [[likely]]
        return block;
      return detail::allocate_from_default_pool(sizeof(T), alignof(T));
    } else {
      return default_pool().allocate(sizeof(T), alignof(T));
    }
  }

  static void deallocate_one(T* p) {
    if constexpr (detail::is_pooled<T>()) {
      constexpr size_class c = size_class_of(sizeof(T), alignof(T));
      if (detail::this_thread_default_set->push_shared(c, p)) [[likely]]
        return;
      detail::deallocate_to_default_pool(p, sizeof(T), alignof(T));
    } else {
      default_pool().deallocate(p, sizeof(T), alignof(T));
    }
  }
};

/// For a pool of yours, which must outlive what it gave. A copied container gets the source's pool; moves and
/// swaps take the pool along; copy assignment keeps the target's.
template <class T, class Pool = synchronized_pool_resource>
class pool_allocator {
public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using propagate_on_container_copy_assignment = std::false_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  template <class U>
  struct rebind {
    using other = pool_allocator<U, Pool>;
  };

  pool_allocator(Pool* pool) noexcept : pool_(pool) {}
  template <class U>
  pool_allocator(const pool_allocator<U, Pool>& other) noexcept : pool_(other.pool()) {}

  Pool* pool() const noexcept { return pool_; }

  /// Memory for `n` objects. Throws std::bad_array_new_length, or what the pool throws.
  [[nodiscard]] T* allocate(std::size_t n) {
    return static_cast<T*>(pool_->allocate(detail::bytes_of<T>(n), alignof(T)));
  }

  /// Gives back what allocate(n) gave, or allocate_at_least with `n` in its range. Throws nothing.
  void deallocate(T* p, std::size_t n) { pool_->deallocate(p, n * sizeof(T), alignof(T)); }

  /// Memory for at least `n` objects; to be deallocated with any count from `n` to the one returned.
  [[nodiscard]] allocation_result<T*> allocate_at_least(std::size_t n) {
    const auto [p, size] = pool_->allocate_at_least(detail::bytes_of<T>(n), alignof(T));
    return {static_cast<T*>(p), size / sizeof(T)};
  }

  template <class U>
  bool operator==(const pool_allocator<U, Pool>& other) const noexcept {
    return pool_ == other.pool();
  }

private:
  Pool* pool_;
};

} // namespace quarry
