// The upstream of the modelled pools: addresses in the order in which they are asked for, the same in every
// run, since pools serve the lowest addresses first. Nothing is used twice; what is never written costs no
// memory.
#pragma once

#include <cstddef>
#include <memory_resource>

namespace quarry_simulation {

class address_space {
public:
  explicit address_space(std::size_t bytes)
      : bytes_(bytes), start_(std::pmr::new_delete_resource()->allocate(bytes, alignment)),
        rest_(start_, bytes) {}
  ~address_space() { std::pmr::new_delete_resource()->deallocate(start_, bytes_, alignment); }
  address_space(const address_space&) = delete;
  address_space& operator=(const address_space&) = delete;

  std::pmr::memory_resource* resource() { return &rest_; }

private:
  static constexpr std::size_t alignment = std::size_t{1} << 20;
  const std::size_t bytes_;
  void* const start_;
  std::pmr::monotonic_buffer_resource rest_; // goes on elsewhere when it is used up
};

} // namespace quarry_simulation
