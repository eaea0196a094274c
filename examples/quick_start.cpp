#include <quarry/pool_resource.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

int main() {
  quarry::unsynchronized_pool_resource pool;
  std::pmr::map<std::pmr::string, std::pmr::vector<int>> squares(&pool);
  for (int i = 0; i != 1000; ++i) squares[i % 2 ? "odd" : "even"].push_back(i * i);

  const auto now = pool.statistics();
  std::printf("%zu bytes in use, %zu held, %zu calls upstream\n", now.bytes_in_use, now.bytes_held,
              now.upstream_allocations + now.upstream_deallocations);
}
