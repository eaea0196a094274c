#include <quarry/recording_resource.hpp>

#include "trace_recorder.hpp"

#include <utility>

namespace quarry {

recording_resource::recording_resource(std::pmr::memory_resource* upstream, std::filesystem::path file)
    : upstream_(upstream), recorder_(std::make_unique<detail::trace_recorder>(std::move(file))) {}

recording_resource::~recording_resource() = default;

std::error_code recording_resource::error() const noexcept { return recorder_->error(); }

void* recording_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  void* const block = upstream_->allocate(bytes, alignment);
  recorder_->allocated(block, bytes, alignment);
  return block;
}

// Recorded first: once upstream has the block, another thread may get it.
void recording_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  recorder_->deallocated(p);
  upstream_->deallocate(p, bytes, alignment);
}

} // namespace quarry
