// touch CASE: one use of pooled memory, right or wrong, in a process of its own; run_test.sh knows what is
// reported.
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <list>
#include <memory_resource>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <quarry/allocator.hpp>
#include <quarry/pool_resource.hpp>
#include <quarry/segment_pool.hpp>
#include <quarry/violation.hpp>

#include "../support/poisoned.hpp"

namespace {

// As a program's own code does it, which is checked when it was compiled so.
[[gnu::noinline]] void write(void* at, std::size_t offset) { static_cast<volatile char*>(at)[offset] = 1; }

// As the C library does it, at which AddressSanitizer and memcheck look in any program. The compiler can't
// see how much it is.
[[gnu::noinline]] void fill(void* at, std::size_t bytes) {
  const volatile std::size_t unseen = bytes;
  std::memset(at, 1, unseen);
}

// Writes over all that it gets back, as who recycles it would.
class overwriting_resource final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    fill(p, bytes);
    for (std::size_t i = 0; i < bytes; ++i) write(p, i);
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

// ---- right uses

struct block {
  void* p;
  std::size_t bytes, alignment;
};

template <class Function>
void for_many_requests(Function f) {
  for (std::size_t alignment = 1; alignment <= 32768; alignment *= 2)
    for (std::size_t bytes = 0; bytes <= 300000; bytes += bytes / 2 + 1) f(bytes, alignment);
  for (const std::size_t bytes : {32760u, 32767u, 32768u, 32769u, 262136u, 262137u, 262144u, 262145u})
    f(bytes, std::size_t{8});
}

// Every byte that was asked for may be touched, also when blocks were freed and allocated again.
template <class Pool>
void use_rightly(Pool& pool) {
  std::vector<block> blocks;
  for (int round = 0; round < 2; ++round) {
    for_many_requests([&](std::size_t bytes, std::size_t alignment) {
      void* const p = pool.allocate(bytes, alignment);
      fill(p, bytes);
      if (bytes != 0) write(p, bytes - 1);
      blocks.push_back({p, bytes, alignment});
    });
    for (std::size_t kept = blocks.size() / 4 * static_cast<std::size_t>(1 - round); blocks.size() > kept;
         blocks.pop_back())
      pool.deallocate(blocks.back().p, blocks.back().bytes, blocks.back().alignment);
    pool.check_invariants();
  }
  for_many_requests([&](std::size_t bytes, std::size_t alignment) {
    const auto [p, size] = pool.allocate_at_least(bytes, alignment);
    fill(p, size);
    pool.deallocate(p, bytes + (size - bytes) / 2, alignment);
  });
  pool.check_invariants();
}

// All that goes upstream may be written to there, whether it goes by trim, by release with live blocks, or at
// the end.
void give_back() {
  overwriting_resource upstream;
  quarry::unsynchronized_pool_resource pool(&upstream);
  use_rightly(pool);
  pool.trim();
  for_many_requests(
      [&](std::size_t bytes, std::size_t alignment) { fill(pool.allocate(bytes, alignment), bytes); });
  pool.release();
  quarry::synchronized_pool_resource shared({0, 262144}, &upstream);
  use_rightly(shared);
  for_many_requests(
      [&](std::size_t bytes, std::size_t alignment) { fill(shared.allocate(bytes, alignment), bytes); });
}

void pool_on_pool() {
  overwriting_resource upstream;
  quarry::synchronized_pool_resource below(&upstream);
  quarry::unsynchronized_pool_resource above(&below);
  use_rightly(above);
  above.release();
  use_rightly(below);
  use_rightly(above);
}

void in_containers() {
  std::list<int, quarry::allocator<int>> list(1000, 7);
  std::vector<int, quarry::allocator<int>> vector(list.begin(), list.end());
  quarry::unsynchronized_pool_resource pool;
  std::pmr::vector<std::pmr::string> strings(&pool);
  for (int i = 0; i < 1000; ++i) strings.emplace_back(static_cast<std::size_t>(i), 'x');
  strings.shrink_to_fit();
}

// What only blocks of the default pool point to is no leak.
void live_to_the_end() {
  using strings = std::vector<std::string, quarry::allocator<std::string>>;
  static strings* const kept = new strings;
  for (int i = 0; i < 1000; ++i) kept->emplace_back(100, 'x');
}

// All of a segment may be touched, by who has it; and all that goes upstream by who gets it back.
void segments() {
  overwriting_resource upstream;
  quarry::segment outlives;
  {
    quarry::segment_pool pool({.zero_on_free = true}, &upstream);
    std::vector<quarry::segment> live;
    std::vector<std::pmr::string> strings;
    for (int round = 0; round < 3; ++round) {
      for (std::size_t bytes = 1; bytes < 100000; bytes += bytes / 4 + 1) {
        live.push_back(pool.allocate_segment(bytes));
        fill(live.back().data(), live.back().capacity());
        write(live.back().data(), live.back().capacity() - 1);
        strings.emplace_back(bytes, 'x', &pool);
        pool.deallocate_bytes(pool.allocate_bytes(bytes));
      }
      live.erase(live.begin(), live.begin() + static_cast<std::ptrdiff_t>(live.size() / 2));
      strings.resize(strings.size() / 2);
      pool.check_invariants();
      if (round == 1) pool.trim();
    }
    outlives = std::move(live.back());
  }
  fill(outlives.data(), outlives.capacity());
}

// A pointer that is none of the pool's is reported, and what it points to stays as it was.
void foreign_is_left_alone() {
  quarry::set_violation_handler({[](const quarry::violation& v, void*) noexcept {
                                   if (v.kind == quarry::violation_kind::foreign_pointer)
                                     std::puts("foreign pointer");
                                 },
                                 nullptr});
  quarry::unsynchronized_pool_resource pool;
  pool.deallocate(pool.allocate(64), 64);
  alignas(64) char other[64];
  pool.deallocate(other, sizeof(other), 64);
  fill(other, sizeof(other));
  write(other, 0);
}

// ---- wrong uses

quarry::unsynchronized_pool_resource& a_pool() {
  static quarry::unsynchronized_pool_resource pool;
  return pool;
}

void write_after_free() {
  void* const p = a_pool().allocate(40);
  a_pool().deallocate(p, 40);
  write(p, 39);
}

void fill_after_free() {
  void* const p = a_pool().allocate(40);
  a_pool().deallocate(p, 40);
  fill(p, 40);
}

// Freed blocks are kept back: the next of that size is another.
void write_after_free_and_allocation() {
  void* const p = a_pool().allocate(40);
  a_pool().deallocate(p, 40);
  fill(a_pool().allocate(40), 40);
  write(p, 0);
}

void write_after_free_by_a_thread() {
  quarry::synchronized_pool_resource pool;
  void* const p = pool.allocate(1000);
  std::thread([&] { pool.deallocate(p, 1000); }).join();
  write(p, 500);
}

void write_into_tail() { write(a_pool().allocate(40, 8), 40); }
void write_into_tail_at_odd_end() { write(a_pool().allocate(41, 1), 41); }
void write_into_tail_of_aligned() { write(a_pool().allocate(64, 64), 64); }
void fill_into_tail() { fill(a_pool().allocate(40, 8), 48); }

void write_into_tail_before() {
  static_cast<void>(a_pool().allocate(40, 8));
  write(static_cast<char*>(a_pool().allocate(40, 8)) - 1, 0);
}

void write_into_free_neighbour() {
  char* const p = static_cast<char*>(a_pool().allocate(40, 8));
  char* const next = static_cast<char*>(a_pool().allocate(40, 8));
  a_pool().deallocate(next, 40, 8);
  write(p, static_cast<std::size_t>(next - p) + 8);
}

void write_beyond_good_size() {
  const auto [p, size] = a_pool().allocate_at_least(33, 1);
  fill(p, size);
  write(p, size);
}

void read_untouched_memory_behind_vector() {
  std::pmr::vector<int> v(&a_pool());
  v.reserve(10);
  if (v.data()[50] == 1) std::puts("1");
}

void fill_untouched_memory() { fill(static_cast<char*>(a_pool().allocate(40)) + 200, 8); }

void read_erased_list_node() {
  std::list<int, quarry::allocator<int>> list{1, 2, 3};
  const auto second = std::next(list.begin());
  list.erase(second);
  if (*second == 1) std::puts("1");
}

quarry::segment_pool& segment_pool() {
  static quarry::segment_pool pool;
  return pool;
}

void write_after_segment() {
  std::byte* const p = segment_pool().allocate_segment(5000).data();
  write(p, 0);
}

void fill_free_neighbour_of_segment() {
  quarry::segment s = segment_pool().allocate_segment(4096);
  fill(s.data(), 4097);
}

void write_into_tail_in_segment_pool() { write(segment_pool().allocate(1000, 8), 1000); }
void write_behind_block_that_is_a_region() { write(segment_pool().allocate(100001, 8), 100001); }

void free_twice() {
  void* const p = a_pool().allocate(40);
  fill(a_pool().allocate(40), 40); // stays, and keeps the slab
  a_pool().deallocate(p, 40);
  a_pool().deallocate(p, 40);
}

void branch_on_undefined() {
  if (*static_cast<const volatile char*>(a_pool().allocate(40)) == 1) std::puts("1");
}

struct named_case {
  std::string_view name;
  void (*run)();
};

constexpr named_case cases[] = {
    {"give_back", give_back},
    {"pool_on_pool", pool_on_pool},
    {"in_containers", in_containers},
    {"live_to_the_end", live_to_the_end},
    {"segments", segments},
    {"foreign_is_left_alone", foreign_is_left_alone},
    {"write_after_free", write_after_free},
    {"fill_after_free", fill_after_free},
    {"write_after_free_and_allocation", write_after_free_and_allocation},
    {"write_after_free_by_a_thread", write_after_free_by_a_thread},
    {"write_into_tail", write_into_tail},
    {"write_into_tail_at_odd_end", write_into_tail_at_odd_end},
    {"write_into_tail_of_aligned", write_into_tail_of_aligned},
    {"fill_into_tail", fill_into_tail},
    {"write_into_tail_before", write_into_tail_before},
    {"write_into_free_neighbour", write_into_free_neighbour},
    {"write_beyond_good_size", write_beyond_good_size},
    {"read_untouched_memory_behind_vector", read_untouched_memory_behind_vector},
    {"fill_untouched_memory", fill_untouched_memory},
    {"read_erased_list_node", read_erased_list_node},
    {"write_after_segment", write_after_segment},
    {"fill_free_neighbour_of_segment", fill_free_neighbour_of_segment},
    {"write_into_tail_in_segment_pool", write_into_tail_in_segment_pool},
    {"write_behind_block_that_is_a_region", write_behind_block_that_is_a_region},
    {"free_twice", free_twice},
    {"branch_on_undefined", branch_on_undefined},
};

} // namespace

int main(int argc, char** argv) {
  std::puts(quarry::test::memory_is_poisoned() ? "memory is poisoned" : "memory is as ever");
  std::fflush(stdout);
  for (const named_case& c : cases)
    if (argc == 2 && c.name == argv[1]) {
      c.run();
      std::puts("to the end");
      return 0;
    }
  return 2;
}
