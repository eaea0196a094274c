// Records what a program allocates, so that it can be replayed. A wrapper beside the ladder.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <memory_resource>
#include <system_error>

namespace quarry {

namespace detail {
class trace_recorder;
}

/// Passes every call on to `upstream`, unchanged, and writes what passed into a file of the format QTRACE1.
/// Thread-safe when `upstream` is.
///
/// What is recorded: size, alignment, thread number and order; no contents, no addresses, no times. An
/// allocation that throws is not recorded, nor is the deallocation of a block that was not recorded.
///
/// The file is a valid trace at any time, and complete after the destructor. A process that is killed leaves
/// all but the last few KiB of events. Killed just between the write of some events and that of the totals
/// which count them, it leaves those events behind the last one counted, fewer than 4 KiB; readers that
/// insist on nothing being there refuse such a file, quarry-replay leaves them out.
///
/// When the file can no longer be written (a full disk, a limit) or memory for the books is out, one line
/// says so on stderr, the recording ends with the events written so far, and calls are still passed on.
/// The books are in pages of the system: nothing is asked of `upstream` or of operator new for them. A child
/// made by fork() does not write: the file is its parent's.
class recording_resource : public std::pmr::memory_resource {
public:
  /// Makes `file`, or empties it; throws std::filesystem::filesystem_error when that cannot be done.
  recording_resource(std::pmr::memory_resource* upstream, std::filesystem::path file);
  recording_resource(const recording_resource&) = delete;
  recording_resource& operator=(const recording_resource&) = delete;
  ~recording_resource() override; ///< writes the rest; calls nobody

  std::pmr::memory_resource* upstream_resource() const noexcept { return upstream_; }

  /// Why the recording ended early; false while it goes on.
  std::error_code error() const noexcept;

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_;
  std::unique_ptr<detail::trace_recorder> recorder_;
};

} // namespace quarry
