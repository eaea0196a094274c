// Ordinary STL types on quarry's typed allocators: on the pool of the process, and on a pool of one's own.

#include <quarry/allocator.hpp>
#include <quarry/containers.hpp>

#include <cstdio>
#include <list>
#include <memory>
#include <vector>

namespace {

int failures = 0;

void check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  failures += !holds;
}

void on_the_pool_of_the_process() {
  std::vector<int, quarry::allocator<int>> squares;
  for (int i = 0; i != 1000; ++i) squares.push_back(i * i);
  check(squares.back() == 999 * 999, "a vector on quarry::allocator");

  quarry::map<quarry::string, int> ages{{"Ada", 36}, {"Alan", 41}}; // the same, spelled shorter
  ages["Grace"] = 85;
  check(ages.size() == 3 && ages["Alan"] == 41, "a map of strings on quarry::allocator");

  const auto shared = std::allocate_shared<int>(quarry::allocator<int>(), 42);
  check(*shared == 42, "a shared_ptr, value and count in one block");
  check(quarry::default_pool().owns(shared.get()), "its memory is the default pool's");
}

void on_a_pool_of_its_own() {
  quarry::unsynchronized_pool_resource pool;
  {
    using allocator = quarry::pool_allocator<int, quarry::unsynchronized_pool_resource>;
    std::list<int, allocator> numbers(&pool);
    for (int i = 0; i != 100; ++i) numbers.push_front(i);
    check(pool.owns(&numbers.front()), "a list on a pool of its own");
    check(pool.statistics().bytes_in_use >= 100 * sizeof(int), "the pool knows what is in use");
  }
  check(pool.statistics().bytes_in_use == 0, "and that everything came back");
}

} // namespace

int main() {
  on_the_pool_of_the_process();
  on_a_pool_of_its_own();
  return failures == 0 ? 0 : 1;
}
