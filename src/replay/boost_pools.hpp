// Boost.Container's pools have a memory_resource of their own as base; this gives them std's. Their allocate
// is called by its qualified name, so that they pay for one virtual call like everyone else.
#pragma once

#include <boost/container/pmr/memory_resource.hpp>
#include <boost/container/pmr/synchronized_pool_resource.hpp>
#include <boost/container/pmr/unsynchronized_pool_resource.hpp>

#include <memory_resource>

namespace quarry_replay {

class boost_upstream final : public boost::container::pmr::memory_resource {
public:
  explicit boost_upstream(std::pmr::memory_resource* upstream) : upstream_(upstream) {}

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return upstream_->allocate(bytes, alignment);
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const boost::container::pmr::memory_resource& other) const BOOST_NOEXCEPT override {
    return this == &other;
  }

  std::pmr::memory_resource* upstream_;
};

template <class BoostPool>
class boost_pool final : public std::pmr::memory_resource {
public:
  explicit boost_pool(std::pmr::memory_resource* upstream) : upstream_(upstream), pool_(&upstream_) {}

private:
  struct opened : BoostPool {
    using BoostPool::BoostPool;
    void* allocate_now(std::size_t bytes, std::size_t alignment) {
      return BoostPool::do_allocate(bytes, alignment);
    }
    void deallocate_now(void* block, std::size_t bytes, std::size_t alignment) {
      BoostPool::do_deallocate(block, bytes, alignment);
    }
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return pool_.allocate_now(bytes, alignment);
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    pool_.deallocate_now(block, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  boost_upstream upstream_;
  opened pool_;
};

using boost_unsynchronized_pool = boost_pool<boost::container::pmr::unsynchronized_pool_resource>;
using boost_synchronized_pool = boost_pool<boost::container::pmr::synchronized_pool_resource>;

} // namespace quarry_replay
