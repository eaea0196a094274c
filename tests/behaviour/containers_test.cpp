// Containers on the typed allocators: every alias, which pool a container draws on after copies, moves and
// swaps, shared_ptr, hashing.
#include "support.hpp"

#include <quarry/containers.hpp>

#include <memory>
#include <numeric>

namespace quarry::test {
namespace {

template <class T, class Pool = unsync>
using pooled_vector = std::vector<T, pool_allocator<T, Pool>>;

TEST(container_aliases, work) {
  quarry::vector<int> v{3, 1, 2};
  quarry::deque<int> d(v.begin(), v.end());
  quarry::list<int> l(v.begin(), v.end());
  quarry::forward_list<int> f(v.begin(), v.end());
  quarry::set<int> s(v.begin(), v.end());
  quarry::multiset<int> ms{1, 1, 4};
  quarry::unordered_set<int> us(v.begin(), v.end());
  quarry::unordered_multiset<int> ums{3, 3};
  quarry::map<int, quarry::string> m{{1, "one"}, {2, "two"}};
  quarry::multimap<int, int> mm{{1, 1}, {1, 2}};
  quarry::unordered_map<quarry::string, int> um{{"one", 1}, {"a string too long for its object", 2}};
  quarry::unordered_multimap<int, int> umm{{1, 1}, {1, 2}};
  l.sort();
  f.sort();
  EXPECT_EQ(l.front() + f.front() + *s.begin(), 3);
  EXPECT_EQ(d.size() + us.size() + ms.count(1) + ums.count(3), 10u);
  EXPECT_EQ(m.at(2), "two");
  EXPECT_EQ(um.at("a string too long for its object"), 2);
  EXPECT_EQ(mm.count(1) + umm.count(1), 4u);
}

TEST(container_aliases, draw_on_the_default_pool) {
  const quarry::vector<int> v(100, 7);
  const quarry::string s(100, 's');
  EXPECT_TRUE(default_pool().owns(v.data()));
  EXPECT_TRUE(default_pool().owns(s.data()));
}

TEST(container_aliases, string_hashes_like_a_string_view) {
  for (const char* text : {"", "short", "a string that is too long to be kept inside its object"}) {
    EXPECT_EQ(std::hash<quarry::string>()(quarry::string(text)), std::hash<std::string_view>()(text));
  }
}

TEST(pool_containers, a_copy_draws_on_the_sources_pool) {
  unsync pool;
  const pooled_vector<int> source({1, 2, 3}, &pool);
  const pooled_vector<int> copy = source;
  EXPECT_EQ(copy.get_allocator().pool(), &pool);
  EXPECT_EQ(copy, source);
}

TEST(pool_containers, copy_assignment_keeps_the_targets_pool) {
  unsync one, two;
  const pooled_vector<int> source({1, 2, 3}, &one);
  pooled_vector<int> target({4}, &two);
  target = source;
  EXPECT_EQ(target.get_allocator().pool(), &two);
  EXPECT_EQ(target, source);
  EXPECT_TRUE(two.owns(target.data()));
}

TEST(pool_containers, move_assignment_takes_the_pool_along) {
  unsync one, two;
  pooled_vector<int> source({1, 2, 3}, &one), target({4}, &two);
  const int* const elements = source.data();
  target = std::move(source);
  EXPECT_EQ(target.get_allocator().pool(), &one);
  EXPECT_EQ(target.data(), elements);
}

TEST(pool_containers, swap_swaps_the_pools) {
  unsync one, two;
  pooled_vector<int> a({1}, &one), b({2, 3}, &two);
  swap(a, b);
  EXPECT_EQ(a.get_allocator().pool(), &two);
  EXPECT_EQ(b.get_allocator().pool(), &one);
  EXPECT_EQ(a, pooled_vector<int>({2, 3}, &two));
}

// Grows, shrinks, copies and moves; the ledger sees that everything came back.
template <class Pool>
class pool_containers_of : public ::testing::Test {};
TYPED_TEST_SUITE(pool_containers_of, both_pools, pool_names);

TYPED_TEST(pool_containers_of, every_kind_give_everything_back) {
  ledger_resource upstream;
  {
    TypeParam pool(&upstream);
    using pair_allocator = pool_allocator<std::pair<const int, int>, TypeParam>;
    std::list<int, pool_allocator<int, TypeParam>> list(&pool);
    std::deque<int, pool_allocator<int, TypeParam>> deque(&pool);
    std::map<int, int, std::less<int>, pair_allocator> map(&pool);
    std::unordered_map<int, int, std::hash<int>, std::equal_to<int>, pair_allocator> hashed(&pool);
    std::basic_string<char, std::char_traits<char>, pool_allocator<char, TypeParam>> string(&pool);
    for (int i = 0; i < 3000; ++i) {
      list.push_front(i);
      deque.push_back(i);
      map[i * 7 % 3000] = i;
      hashed[i] = i;
      string.push_back('s');
    }
    for (int i = 0; i < 3000; i += 2) {
      map.erase(i);
      hashed.erase(i);
      deque.pop_front();
      list.pop_back();
    }
    EXPECT_EQ(std::accumulate(list.begin(), list.end(), 0), (1500 + 2999) * 1500 / 2);
    EXPECT_EQ(map.size() + hashed.size() + deque.size(), 4500u);
    EXPECT_EQ(string.size(), 3000u);
    EXPECT_NO_THROW(pool.check_invariants());
    auto other = std::move(map);
    map = other;
  }
  EXPECT_TRUE(upstream.clean());
}

TYPED_TEST(pool_containers_of, shared_ptr_lives_in_the_pool) {
  ledger_resource upstream;
  TypeParam pool(&upstream);
  std::weak_ptr<int> weak;
  {
    const auto shared = std::allocate_shared<int>(pool_allocator<int, TypeParam>(&pool), 42);
    EXPECT_TRUE(pool.owns(shared.get()));
    weak = shared;
    EXPECT_EQ(*shared, 42);
  }
  EXPECT_TRUE(weak.expired());
  EXPECT_GT(pool.statistics().bytes_in_use, 0u); // the control block, until the last weak_ptr goes
  weak.reset();
  EXPECT_EQ(pool.statistics().bytes_in_use, 0u);
}

TEST(typed_shared_ptr, lives_in_the_default_pool) {
  const auto shared = std::allocate_shared<long>(allocator<long>(), 43);
  EXPECT_TRUE(default_pool().owns(shared.get()));
  EXPECT_EQ(*shared, 43);
}

TEST(typed_shared_ptr, is_freed_by_another_thread) {
  auto shared = std::allocate_shared<long>(allocator<long>(), 44);
  on_another_thread([moved = std::move(shared)]() mutable { moved.reset(); });
  EXPECT_NO_THROW(default_pool().check_invariants());
}

} // namespace
} // namespace quarry::test
