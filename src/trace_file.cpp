#include "trace_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace quarry::detail {

namespace {

constexpr std::array<std::uint8_t, 8> magic{'Q', 'T', 'R', 'A', 'C', 'E', '1', '\n'};
constexpr std::size_t padded_varint = 10;
using header = std::array<std::uint8_t, magic.size() + 4 * padded_varint>;

// Padded, so that larger numbers fit in place.
std::uint8_t* put_padded_varint(std::uint8_t* to, std::uint64_t value) noexcept {
  std::uint8_t* const end = to + padded_varint;
  for (; to + 1 != end; value >>= 7) *to++ = static_cast<std::uint8_t>(value | 0x80);
  *to++ = static_cast<std::uint8_t>(value);
  return to;
}

header header_of(const trace_totals& totals) noexcept {
  header result;
  std::uint8_t* to = std::copy(magic.begin(), magic.end(), result.data());
  for (const auto number : {totals.threads, totals.allocations, totals.events, totals.peak_live_bytes})
    to = put_padded_varint(to, number);
  return result;
}

// A write beyond RLIMIT_FSIZE ends the process by SIGXFSZ, unless that is blocked: then it is an error like
// any other. The signal that such a write leaves pending is taken back, one that was there before is not.
class size_signal_blocked {
public:
  size_signal_blocked() noexcept {
    sigemptyset(&size_signal_);
    sigaddset(&size_signal_, SIGXFSZ);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGXFSZ) == 1;
    pthread_sigmask(SIG_BLOCK, &size_signal_, &before_);
  }
  size_signal_blocked(const size_signal_blocked&) = delete;
  size_signal_blocked& operator=(const size_signal_blocked&) = delete;
  ~size_signal_blocked() {
    const int error = errno;
    const timespec now{};
    if (!was_pending_) sigtimedwait(&size_signal_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

private:
  sigset_t size_signal_, before_;
  bool was_pending_;
};

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

} // namespace

trace_file::trace_file(const std::filesystem::path& path)
    : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)), owner_(::getpid()) {
  if (file_ < 0) throw std::filesystem::filesystem_error("cannot record", path, last_error());
}

trace_file::~trace_file() { ::close(file_); }

std::error_code trace_file::append(std::span<const std::uint8_t> events,
                                   const trace_totals& with_them) noexcept {
  if (::getpid() != owner_) return {};
  const size_signal_blocked no_signal;
  const off_t start = std::max(end_, static_cast<off_t>(sizeof(header)));
  std::error_code error = write_at(start, events);
  if (!error) error = write_at(0, header_of(with_them));
  if (!error)
    end_ = start + static_cast<off_t>(events.size());
  else if (::ftruncate(file_, end_) != 0 && end_ != 0)
    error = last_error(); // graver: what was written of the events stays behind those counted
  return error;
}

std::error_code trace_file::write_at(off_t offset, std::span<const std::uint8_t> bytes) const noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_error();
    if (written == 0) return std::make_error_code(std::errc::no_space_on_device);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += written;
  }
  return {};
}

} // namespace quarry::detail
