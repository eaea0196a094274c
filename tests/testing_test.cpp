// The helpers for tests, tested: with code that is right, and with each kind of code that is not.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <quarry/testing.hpp>

namespace {

using quarry::failing_resource;
using quarry::for_each_failure_point;

std::string words_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return "";
}

TEST(failing_resource, fails_at_the_calls_it_is_told_to) {
  failing_resource r;
  r.deallocate(r.allocate(10), 10);
  r.fail_at(1, 2);
  void* const first = r.allocate(10);
  EXPECT_THROW((void)r.allocate(10), failing_resource::failure);
  EXPECT_THROW((void)r.allocate(10), std::bad_alloc);
  void* const last = r.allocate(10);
  EXPECT_EQ(r.calls(), 4u);
  EXPECT_EQ(r.failures(), 2u);
  EXPECT_EQ(r.blocks_held(), 2u);
  EXPECT_EQ(r.bytes_held(), 20u);
  r.fail_at(0, failing_resource::for_ever);
  for (int i = 0; i < 10; ++i) EXPECT_THROW((void)r.allocate(1), failing_resource::failure);
  r.fail_never();
  r.deallocate(r.allocate(1), 1);
  r.deallocate(first, 10);
  r.deallocate(last, 10);
  EXPECT_EQ(r.blocks_held(), 0u);
  EXPECT_EQ(r.mismatches(), 0u);
}

// A failure asks nobody; all else is the upstream's own.
TEST(failing_resource, passes_on_what_does_not_fail) {
  failing_resource below, above(&below);
  EXPECT_EQ(above.upstream_resource(), &below);
  above.fail_at(0);
  EXPECT_THROW((void)above.allocate(1), failing_resource::failure);
  EXPECT_EQ(below.calls(), 0u);
  void* const p = above.allocate(100, 64);
  EXPECT_EQ(below.bytes_held(), 100u);
  below.fail_at(0);
  EXPECT_THROW((void)above.allocate(1), failing_resource::failure);
  EXPECT_EQ(above.failures(), 1u);
  EXPECT_EQ(above.blocks_held(), 1u);
  above.deallocate(p, 100, 64);
  EXPECT_EQ(below.blocks_held(), 0u);
  EXPECT_FALSE(above == below);
}

TEST(failing_resource, keeps_wrong_frees_from_upstream_and_gives_back_leaks) {
  failing_resource below;
  {
    failing_resource r(&below);
    void* const p = r.allocate(10, 8);
    int other;
    r.deallocate(&other, 10, 8);
    r.deallocate(p, 11, 8);
    r.deallocate(p, 10, 4);
    EXPECT_EQ(r.mismatches(), 3u);
    EXPECT_EQ(below.blocks_held(), 1u);
  }
  EXPECT_EQ(below.blocks_held(), 0u);
  EXPECT_EQ(below.mismatches(), 0u);
}

TEST(for_each_failure_point, fails_each_call_once) {
  std::vector<std::size_t> survived;
  const std::size_t points = for_each_failure_point([&](failing_resource& upstream) {
    std::size_t blocks = 0;
    std::pmr::vector<std::pmr::string> words(&upstream); // one call for the array, one for each string
    words.reserve(3);
    for (; blocks < 3; ++blocks) words.emplace_back(100, 'w');
    survived.push_back(upstream.calls());
  });
  EXPECT_EQ(points, 4u);
  EXPECT_EQ(survived, std::vector<std::size_t>{4}); // only the last run came to its end
}

TEST(for_each_failure_point, counts_failures_that_are_survived) {
  std::size_t runs = 0;
  const std::size_t points = for_each_failure_point([&](failing_resource& upstream) {
    ++runs;
    for (int i = 0; i < 5; ++i) try {
        upstream.deallocate(upstream.allocate(8), 8);
      } catch (const std::bad_alloc&) {
      }
  });
  EXPECT_EQ(points, 5u);
  EXPECT_EQ(runs, 6u);
}

TEST(for_each_failure_point, can_keep_memory_out) {
  const auto three_times = [](failing_resource& upstream) {
    for (int i = 0; i < 3; ++i) try {
        upstream.deallocate(upstream.allocate(8), 8);
      } catch (const failing_resource::failure&) {
      }
    if (upstream.calls() - upstream.failures() == 0 && upstream.failures() != 3)
      throw std::runtime_error("not all failed");
  };
  EXPECT_EQ(for_each_failure_point(three_times, failing_resource::for_ever), 3u);
}

TEST(for_each_failure_point, of_what_asks_for_nothing_is_none) {
  EXPECT_EQ(for_each_failure_point([](failing_resource&) {}), 0u);
}

TEST(for_each_failure_point, ends_when_told_to) {
  std::size_t runs = 0;
  const auto twice = [&](failing_resource& upstream) {
    if (++runs == 2) return false;
    upstream.deallocate(upstream.allocate(8), 8);
    return true;
  };
  EXPECT_EQ(for_each_failure_point(twice), 1u); // the second run had met no failure yet
  EXPECT_EQ(runs, 2u);
}

// What is leaked only if the second call fails, as in code without a guard between the two.
TEST(for_each_failure_point, finds_a_leak) {
  const auto leaky = [](failing_resource& upstream) {
    void* const first = upstream.allocate(24);
    void* const second = upstream.allocate(8);
    upstream.deallocate(second, 8);
    upstream.deallocate(first, 24);
  };
  EXPECT_EQ(
      words_of([&] { for_each_failure_point(leaky); }),
      "quarry: for_each_failure_point: 1 blocks of 24 bytes were not given back when call 1 of allocate "
      "had failed");
  const auto always = [](failing_resource& upstream) { (void)upstream.allocate(7); };
  EXPECT_EQ(words_of([&] { for_each_failure_point(always); }),
            "quarry: for_each_failure_point: 1 blocks of 7 bytes were not given back when no call failed");
}

TEST(for_each_failure_point, finds_a_wrong_free) {
  const auto wrong = [](failing_resource& upstream) {
    std::unique_ptr<char> other(new char);
    try {
      upstream.deallocate(upstream.allocate(8), 8);
    } catch (const failing_resource::failure&) {
      upstream.deallocate(other.get(), 8);
    }
  };
  EXPECT_EQ(words_of([&] { for_each_failure_point(wrong); }),
            "quarry: for_each_failure_point: something was given back that had not been given when call 0 of "
            "allocate had failed");
}

TEST(for_each_failure_point, lets_other_exceptions_out) {
  struct verdict {};
  const auto judge = [](failing_resource& upstream) {
    try {
      upstream.deallocate(upstream.allocate(8), 8);
    } catch (const std::bad_alloc&) {
      throw verdict();
    }
  };
  EXPECT_THROW(for_each_failure_point(judge), verdict);
}

} // namespace
