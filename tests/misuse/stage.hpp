#pragma once

#include <quarry/segment_pool.hpp>

#include <cstddef>
#include <memory_resource>
#include <span>
#include <thread>

namespace misuse {

// Where a case is played: on which resource, and on which thread the wrong thing is done.
class stage {
public:
  enum class thread { same, other };
  // What becomes of a free that is seen to be wrong. Where it is not refused, the block may be gone.
  enum class wrong_free { is_refused, takes_place };

  stage(std::pmr::memory_resource& resource, thread where, wrong_free seen)
      : memory(resource), where_(where), wrong_free_(seen) {}
  virtual ~stage() = default;

  template <class Act>
  void act(Act wrong) {
    if (where_ == thread::other)
      std::thread(wrong).join();
    else
      wrong();
  }

  // What a program does that has learnt that its free was refused.
  template <class Act>
  void act_when_refused(Act right) {
    if (wrong_free_ == wrong_free::is_refused) right();
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
  wrong_free wrong_free_;
};

// Where buffers are a segment_pool's own, with its own way of freeing them.
class segment_stage final : public stage {
public:
  segment_stage(quarry::segment_pool& pool, thread where, wrong_free seen)
      : stage(pool, where, seen), pool_(pool) {}

  std::span<std::byte> allocate_bytes(std::size_t size) override { return pool_.allocate_bytes(size); }
  void deallocate_bytes(std::span<std::byte> bytes) override { pool_.deallocate_bytes(bytes); }

private:
  quarry::segment_pool& pool_;
};

// Writes one byte where nobody may, and so that no compiler leaves it out.
void scribble(void* where);

} // namespace misuse
