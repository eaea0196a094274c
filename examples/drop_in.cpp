// The same code on std's pool and on quarry's: only the name of the class differs.
// The outcome is the same; what upstream sees is not.

#include <quarry/pool_resource.hpp>

#include <cstdio>
#include <map>
#include <memory_resource>
#include <string>

namespace {

struct counting_upstream : std::pmr::memory_resource {
  std::size_t calls = 0, bytes_held = 0;

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++calls, bytes_held += bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    ++calls, bytes_held -= bytes;
    std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

template <class Pool>
long names_of_numbers(const char* title) {
  counting_upstream upstream;
  long outcome = 0;
  {
    Pool pool({.max_blocks_per_chunk = 0, .largest_required_pool_block = 1024}, &upstream); // the one line
    std::pmr::map<int, std::pmr::string> names(&pool);
    for (int i = 0; i != 20'000; ++i)
      names[i % 5'000] = "a name too long for a small string: " + std::to_string(i);
    for (int i = 0; i != 5'000; i += 2) names.erase(i);
    for (const auto& [number, name] : names) outcome += number + static_cast<long>(name.size());
    std::printf("%-38s outcome %ld, %7zu bytes held, %3zu upstream calls\n", title, outcome,
                upstream.bytes_held, upstream.calls);
  }
  return upstream.bytes_held == 0 ? outcome : -1;
}

} // namespace

int main() {
  const long with_std =
      names_of_numbers<std::pmr::unsynchronized_pool_resource>("std::pmr::unsynchronized_pool_resource");
  const long with_quarry =
      names_of_numbers<quarry::unsynchronized_pool_resource>("quarry::unsynchronized_pool_resource");
  return with_std == with_quarry && with_std > 0 ? 0 : 1;
}
