// The seven members of an I/O server's memory pool, each the call it is here.

#include <quarry/segment_chain.hpp>
#include <quarry/segment_pool.hpp>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include <sys/uio.h>
#include <unistd.h>

int main() {
  quarry::segment_pool pool;

  // AllocSegment, FreeSegment: a handle, freed when it goes out of scope, or as the span that release()
  // gives.
  quarry::segment page = pool.allocate_segment(4096);
  std::printf("%zu bytes at %zu of region %zu\n", page.size(), page.slab_offset(), page.slab_id());
  pool.deallocate_segment(page.release());

  // AllocByte, FreeByte; AllocChar, FreeChar: spans, at least as long as asked for.
  const std::span<std::byte> bytes = pool.allocate_bytes(1000);
  const std::span<char> chars = pool.allocate_chars(1000);
  const std::span<char16_t> units = pool.allocate_array<char16_t>(1000);
  std::printf("%zu bytes, %zu chars, %zu char16_t\n", bytes.size(), chars.size(), units.size());
  pool.deallocate_array(units);
  pool.deallocate_chars(chars);
  pool.deallocate_bytes(bytes);

  // Empty: what a request for nothing gets; freeing it does nothing.
  pool.deallocate_bytes(pool.empty_bytes());

  // Written by one, read by many: no copy is made, the last reader frees it.
  const std::string_view text = "one text, read by many\n";
  quarry::segment line = pool.allocate_segment(text.size());
  std::ranges::copy(std::as_bytes(std::span(text)), line.begin());
  const quarry::shared_segment shared = std::move(line).share();

  // A chain goes to the kernel as it is, however little of it each call takes.
  std::fflush(stdout);
  quarry::segment_chain chain(pool);
  chain.append(std::as_bytes(std::span("a copy, and ", 12)));
  chain.push_back(shared.slice(0, 3));
  chain.push_back(shared.slice(3, shared.size() - 3));
  while (!chain.empty()) {
    const auto batch = chain.iovecs();
    const ssize_t written = ::writev(STDOUT_FILENO, batch.data(), static_cast<int>(batch.size()));
    if (written < 0) return 1;
    chain.consume(static_cast<std::size_t>(written));
  }
}
