// What every consumer builds: a bit of each public header, with a checked outcome.
#include <quarry/allocator.hpp>
#include <quarry/containers.hpp>
#include <quarry/page_resource.hpp>
#include <quarry/pool_resource.hpp>
#include <quarry/statistics.hpp>
#include <quarry/violation.hpp>

#include <cstddef>
#include <memory_resource>
#include <vector>

namespace {

template <class Pool>
bool sums_up() {
  Pool pool(quarry::page_resource());
  {
    std::pmr::vector<int> numbers(&pool);
    for (int i = 1; i <= 100; ++i) numbers.push_back(i);
    int sum = 0;
    for (const int number : numbers) sum += number;
    if (sum != 5050 || pool.statistics().bytes_in_use < numbers.capacity() * sizeof(int)) return false;
  }
  return pool.statistics().bytes_in_use == 0;
}

bool fills_containers() {
  quarry::map<int, quarry::string> names;
  for (int i = 0; i != 100; ++i) names[i] = "a name too long to live inside the string itself";
  return names.size() == 100 && quarry::default_pool().owns(names[7].data());
}

} // namespace

int main() {
  const bool good = sums_up<quarry::unsynchronized_pool_resource>() &&
                    sums_up<quarry::synchronized_pool_resource>() && fills_containers();
  return good ? 0 : 1;
}
