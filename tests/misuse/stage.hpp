#pragma once

#include <cstddef>
#include <memory_resource>
#include <span>
#include <thread>

namespace misuse {

// Where a case is played: on which resource, and on which thread the wrong thing is done.
class stage {
public:
  enum class thread { same, other };

  stage(std::pmr::memory_resource& resource, thread where) : memory(resource), where_(where) {}
  virtual ~stage() = default;

  template <class Act>
  void act(Act wrong) {
    if (where_ == thread::other)
      std::thread(wrong).join();
    else
      wrong();
  }

  // Buffers as a pool of segments gives them; here, of any resource.
  virtual std::span<std::byte> allocate_bytes(std::size_t size) {
    return {static_cast<std::byte*>(memory.allocate(size, segment_alignment)), size};
  }
  virtual void deallocate_bytes(std::span<std::byte> bytes) {
    memory.deallocate(bytes.data(), bytes.size(), segment_alignment);
  }
  static constexpr std::size_t segment_alignment = 1024;

  std::pmr::memory_resource& memory;

private:
  thread where_;
};

// Writes one byte where nobody may, and so that no compiler leaves it out.
void scribble(void* where);

} // namespace misuse
