#include "trace_recorder.hpp"

#include <quarry/page_resource.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

namespace quarry::detail {

namespace {

// Unlike the system's thread ids, never used again.
std::uint64_t this_thread() noexcept {
  static std::atomic<std::uint64_t> last{0};
  static thread_local std::uint64_t number = 0;
  if (number == 0) number = ++last;
  return number;
}

} // namespace

trace_recorder::books::books() : memory(page_resource()), live(&memory), thread_numbers(&memory) {}

trace_recorder::trace_recorder(std::filesystem::path path) : path_(std::move(path)), file_(path_) {
  error_ = write_out(); // an empty trace
  if (error_)
    report();
  else
    books_.emplace();
}

trace_recorder::~trace_recorder() {
  if (!books_) return;
  error_ = write_out();
  if (error_) report();
}

std::error_code trace_recorder::error() const noexcept {
  const std::lock_guard guard(mutex_);
  return error_;
}

void trace_recorder::allocated(const void* block, std::size_t bytes, std::size_t alignment) noexcept {
  recorded([=, this, size = std::max<std::uint64_t>(bytes, 1)] {
    const std::uint64_t thread = thread_number();
    books_->live.insert_or_assign(block, live_block{totals_.allocations, size});
    put_head(thread, false);
    put(size);
    put(static_cast<std::uint64_t>(std::countr_zero(alignment)));
    ++totals_.allocations;
    live_bytes_ += size;
    totals_.peak_live_bytes = std::max(totals_.peak_live_bytes, live_bytes_);
  });
}

void trace_recorder::deallocated(const void* block) noexcept {
  recorded([=, this] {
    const auto found = books_->live.find(block);
    if (found == books_->live.end()) return;
    put_head(thread_number(), true);
    put(totals_.allocations - 1 - found->second.id);
    live_bytes_ -= found->second.size;
    books_->live.erase(found);
  });
}

// Runs `record` under the lock while the recording goes on, then makes room for the next event. To say that
// there is none may allocate, possibly here: that is done without the lock.
template <class Record>
void trace_recorder::recorded(Record record) noexcept {
  {
    const std::lock_guard guard(mutex_);
    if (!books_) return;
    try {
      record();
      if (buffer_.data() + buffer_bytes - end_ >= largest_event) return;
      error_ = write_out();
    } catch (const std::bad_alloc&) { // from the books
      error_ = write_out();
      if (!error_) error_ = std::make_error_code(std::errc::not_enough_memory);
    }
    if (!error_) return;
    books_.reset();
  }
  report();
}

std::uint64_t trace_recorder::thread_number() {
  auto& numbers = books_->thread_numbers;
  return numbers.try_emplace(this_thread(), numbers.size()).first->second;
}

void trace_recorder::put_head(std::uint64_t thread, bool deallocation) noexcept {
  put(thread << 1 | std::uint64_t{deallocation});
  totals_.threads = std::max(totals_.threads, thread + 1);
  ++totals_.events;
}

std::error_code trace_recorder::write_out() noexcept {
  const std::span<const std::uint8_t> events(buffer_.data(), end_);
  end_ = buffer_.data();
  return file_.append(events, totals_);
}

void trace_recorder::report() const noexcept {
  std::fprintf(stderr, "quarry: the recording %s ends early: %s\n", path_.c_str(),
               std::strerror(error_.value())); // NOLINT(concurrency-mt-unsafe): the C library's is safe
}

} // namespace quarry::detail
