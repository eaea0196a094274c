// What tests/gdb_test.sh looks at in gdb.
#include <quarry/pool_resource.hpp>
#include <quarry/segment_chain.hpp>
#include <quarry/segment_pool.hpp>

#include <cstdio>
#include <cstring>
#include <memory_resource>
#include <vector>

alignas(std::max_align_t) unsigned char overwritten[8192];

extern "C" void look() { std::puts("looking"); }

// Tells on its output what gdb should show.
template <class Pool>
void tell(const char* name, const Pool& pool) {
  const quarry::pool_statistics s = pool.statistics();
  for (const quarry::size_class_statistics& c : s.classes())
    if (c.slabs != 0)
      std::printf("%s: [%zu B] = %zu in use, %zu cached, %zu free; %zu slab%s\n", name, c.block_size,
                  c.blocks_in_use, c.blocks_cached, c.blocks_free, c.slabs, c.slabs == 1 ? "" : "s");
}

int main() {
  quarry::unsynchronized_pool_resource own;
  quarry::synchronized_pool_resource shared;
  std::vector<void*> blocks;
  for (int i = 0; i < 300; ++i) {
    blocks.push_back(own.allocate(64));
    blocks.push_back(shared.allocate(120));
  }
  for (int i = 0; i < 200; i += 2) own.deallocate(blocks[static_cast<std::size_t>(i)], 64);
  void* const large = own.allocate(1 << 20);
  tell("own", own);
  tell("shared", shared);

  quarry::unsynchronized_pool_resource young; // has no magazines yet
  void* const first = young.allocate(24);
  young.deallocate(young.allocate(40), 40);
  tell("young", young);

  alignas(64) static std::byte there[1 << 20]; // always the same, as is how much fits where
  std::pmr::monotonic_buffer_resource upstream(there, sizeof there);
  quarry::synchronized_pool_resource handing_on(&upstream); // what overflows magazines lies in a depot
  std::vector<void*> many;
  for (int i = 0; i < 3000; ++i) many.push_back(handing_on.allocate(64));
  for (int i = 0; i < 1000; ++i) handing_on.deallocate(many[static_cast<std::size_t>(i)], 64);
  tell("handing_on", handing_on);

  quarry::segment_pool segments;
  quarry::segment hello = segments.allocate_segment(1500);
  std::memset(hello.data(), 0, hello.size());
  std::memcpy(hello.data(), "Hello, gdb", 10);
  quarry::segment none;
  quarry::segment read_by_many = segments.allocate_segment(5);
  std::memcpy(read_by_many.data(), "share", 5);
  quarry::shared_segment once = std::move(read_by_many).share();
  quarry::shared_segment twice = once;
  quarry::segment_chain chain(segments);
  const std::vector<std::byte> much(70'000, std::byte{'m'});
  chain.append(much);
  chain.push_back(once);
  chain.consume(1000);
  const quarry::segment_chain nothing(segments);
  std::memset(overwritten, 0xEE, sizeof overwritten); // looked at as a pool
  look();
  own.deallocate(large, 1 << 20);
  young.deallocate(first, 24);
}
