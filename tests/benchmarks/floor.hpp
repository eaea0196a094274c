// The yardstick: what a memory resource costs that does nothing but the least. Classes of 16 bytes up to 1
// KiB, an intrusive LIFO list per class, refilled by bumping through 64 KiB chunks; everything else goes to
// operator new; nothing is given back until it is destroyed.
#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <new>

namespace quarry_bench {

class floor_resource final : public std::pmr::memory_resource {
public:
  floor_resource() = default;
  floor_resource(const floor_resource&) = delete;
  floor_resource& operator=(const floor_resource&) = delete;

  ~floor_resource() override {
    while (chunks_ != nullptr) {
      link* const chunk = chunks_;
      chunks_ = chunk->next;
      ::operator delete(chunk);
    }
  }

private:
  struct link {
    link* next;
  };
  static constexpr std::size_t step = 16;
  static constexpr std::size_t largest_block = 1024;
  static constexpr std::size_t chunk_size = 64 * 1024;

  static bool in_a_class(std::size_t bytes, std::size_t alignment) {
    return bytes <= largest_block && alignment <= step;
  }
  static std::size_t class_of(std::size_t bytes) { return (bytes + step - 1) / step; }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (!in_a_class(bytes, alignment)) return allocate_elsewhere(bytes, alignment);
    link*& list = lists_[class_of(bytes)];
    if (list == nullptr) return bump(class_of(bytes));
    link* const block = list;
    list = block->next;
    return block;
  }

  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    if (!in_a_class(bytes, alignment)) return deallocate_elsewhere(block, alignment);
    link*& list = lists_[class_of(bytes)];
    list = ::new (block) link{list};
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  static void* allocate_elsewhere(std::size_t bytes, std::size_t alignment) {
    if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return ::operator new(bytes);
    return ::operator new (bytes, std::align_val_t{alignment});
  }
  static void deallocate_elsewhere(void* block, std::size_t alignment) {
    if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return ::operator delete(block);
    ::operator delete (block, std::align_val_t{alignment});
  }

  void* bump(std::size_t size_class) {
    const std::size_t block_size = size_class == 0 ? step : size_class * step;
    if (static_cast<std::size_t>(end_ - next_) < block_size) add_chunk();
    void* const block = next_;
    next_ += block_size;
    return block;
  }

  void add_chunk() {
    auto* const chunk = static_cast<std::byte*>(::operator new(chunk_size));
    chunks_ = ::new (chunk) link{chunks_};
    next_ = chunk + step; // the link takes the first 16 bytes, which keeps the blocks aligned
    end_ = chunk + chunk_size;
  }

  std::array<link*, largest_block / step + 1> lists_{};
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  link* chunks_ = nullptr;
};

} // namespace quarry_bench
