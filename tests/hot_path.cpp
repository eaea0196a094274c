// The paths whose instructions tests/hot_path_test.sh counts: one object of three words, allocated and
// deallocated.
#include <quarry/allocator.hpp>

struct node {
  void* words[3];
};
using own_allocator = quarry::pool_allocator<node, quarry::unsynchronized_pool_resource>;
using shared_allocator = quarry::pool_allocator<node>;

std::size_t allocations_counted;

extern "C" {
node* default_allocate() { return quarry::allocator<node>().allocate(1); }
void default_deallocate(node* p) { quarry::allocator<node>().deallocate(p, 1); }
node* own_allocate(own_allocator& from) { return from.allocate(1); }
node* counted_allocate(own_allocator& from) { // what none of the others does
  ++allocations_counted;
  return from.allocate(1);
}
void own_deallocate(own_allocator& to, node* p) { to.deallocate(p, 1); }
node* shared_allocate(shared_allocator& from) { return from.allocate(1); }
void shared_deallocate(shared_allocator& to, node* p) { to.deallocate(p, 1); }
}
