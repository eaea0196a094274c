// default_pool() serves statics made before main and frees them after it. A program of its own: what counts
// happens outside main, and a failure is the exit status.
#include <quarry/allocator.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory_resource>
#include <string>
#include <thread>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "static_lifetime: %s\n", what);
  std::_Exit(1);
}

using numbers = std::vector<int, quarry::allocator<int>>;

numbers counted_to(int n) {
  numbers v;
  for (int i = 0; i < n; ++i) v.push_back(i);
  return v;
}

void expect_counted(const numbers& v) {
  for (std::size_t i = 0; i < v.size(); ++i)
    if (v[i] != static_cast<int>(i)) fail("a block was not its owner's");
}

// Made before main, perhaps before the library's own statics; gone after main.
struct early {
  numbers first = counted_to(1000);
  numbers second = counted_to(10);
  ~early() {
    expect_counted(first);
    expect_counted(second);
    expect_counted(counted_to(5000)); // a first request of many sizes, after everything else is gone
    first = numbers();
    std::thread([this] { // and on a thread that begins now
      expect_counted(second);
      second = numbers();
      expect_counted(counted_to(100));
    })
        .join();
    quarry::default_pool().check_invariants();
    if (quarry::default_pool().statistics().bytes_in_use != 0) fail("something is still in use at the end");
  }
};
early before_main;

// The settable default resource plays no part: one that refuses everything is set before main.
const bool default_is_null = [] {
  std::pmr::set_default_resource(std::pmr::null_memory_resource());
  return true;
}();

} // namespace

int main() {
  expect_counted(before_main.first);
  static numbers in_main = counted_to(333);
  std::thread([] { expect_counted(counted_to(2000)); }).join();
  in_main.push_back(333);
  expect_counted(in_main);
  return default_is_null && before_main.second.size() == 10 ? 0 : 1;
}
