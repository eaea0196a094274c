// The fuzz engine itself: scripts can be replayed, and a pool with a planted bug is found out by a short one.
#include "engine.hpp"
#include "pool_subject.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include <quarry/pool_resource.hpp>

namespace quarry::test {
namespace {

constexpr std::size_t seeds_to_try = 50;

TEST(script_text, can_be_replayed) {
  for (const pace p : {pace::short_script, pace::long_script}) {
    const script s{"synchronized", random_pool_steps(7, 2000, p)};
    EXPECT_EQ(from_text(to_text(s)), s);
  }
  EXPECT_THROW(from_text("allocate 1 1"), std::invalid_argument);
  EXPECT_THROW(from_text("on synchronized\nallocate 1"), std::invalid_argument);
  EXPECT_THROW(from_text("on synchronized\nforget 1"), std::invalid_argument);
}

TEST(script_text, any_bytes_make_steps_that_can_be_run) {
  std::vector<std::uint8_t> bytes;
  dice d(3);
  for (int i = 0; i < (under_sanitizer ? 800 : 3000); ++i)
    bytes.push_back(static_cast<std::uint8_t>(d.below(256)));
  for (const subject_kind& each : subject_kinds()) {
    const steps s = each.steps_of(bytes);
    EXPECT_GT(s.size(), bytes.size() / 6);
    EXPECT_EQ(from_text(to_text({std::string(each.name), s})).steps, s);
    EXPECT_EQ(run(s, each, {100}).failure, "") << each.name;
  }
}

TEST(reduced, leaves_what_is_needed_with_small_numbers) {
  const step first{verb::trim, 12'345, 0, 0}, second{verb::reserve, 100, 8, 33};
  steps s = random_pool_steps(8, 300, pace::short_script);
  s[100] = first;
  s[200] = second;
  const auto fails = [&](const steps& t) {
    const auto trim =
        std::find_if(t.begin(), t.end(), [](const step& x) { return x.what == verb::trim && x.a >= 12'000; });
    return std::find_if(trim, t.end(), [](const step& x) { return x.what == verb::reserve && x.a >= 100; }) !=
           t.end();
  };
  const steps few = reduced(s, fails);
  ASSERT_EQ(few.size(), 2u);
  EXPECT_EQ(few[0].what, verb::trim);
  EXPECT_LT(few[0].a, 12'345u);
  EXPECT_EQ(few[1].a, 100u);
  EXPECT_EQ(few[1].c, 1u);
}

// ---- what the fuzz has found

std::string failure_of(const char* text) {
  const script s = from_text(text);
  return run_apart(s.steps, subject_named(s.subject), {1}).failure;
}

// A slab of smaller blocks was taken to reach into the next one, whose blocks were dropped with the bad one.
TEST(found_before, a_good_block_after_one_freed_with_a_larger_size) {
  EXPECT_EQ(failure_of(R"(on synchronized
allocate 1 32
burst 1 1 64
allocate 10 1
misuse 173914 36 1
)"),
            "");
}

// It took regions for ever.
TEST(found_before, room_for_a_small_slab_and_no_memory_to_describe_it) {
  EXPECT_EQ(failure_of(R"(on segments_small
burst 604 1 26
segment 3340
segment 1094
span 1
)"),
            "");
}

// The slab that came to be empty could not be had again: its description was still that of the old one.
TEST(found_before, room_of_a_freed_segment_at_the_limit) {
  EXPECT_EQ(failure_of(R"(on segments_limited
burst 6798 2 416
segment 272
segment 826
span 396
allocate 1 2048
try_segment 476
span 126
segment 940
free 62
segment 4370
segment 1
allocate 400 1
try_segment 65
free 2
allocate 284 1
segment 536
try_segment 968
segment 1358
segment 1088
segment 346
try_segment 78
span 104
span 100
)"),
            "");
}

// The first magazines of a thread were made within an allocation of what was reserved, and then a chunk that
// had been kept went upstream.
TEST(found_before, reserved_blocks_when_magazines_come) {
  EXPECT_EQ(failure_of(R"(on synchronized_tight
burst 198 1 56
allocate 1 1
thread 2
at_least 162 1
reserve 164 1 1
drain 1525 94
exit 2
allocate 162 1
)"),
            "");
}

// ---- pools with a bug

class pool_with_a_bug {
public:
  pool_with_a_bug(const std::pmr::pool_options& options, std::pmr::memory_resource* up)
      : pool_(options, up) {}
  void* allocate(std::size_t bytes, std::size_t alignment) { return pool_.allocate(bytes, alignment); }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) {
    pool_.deallocate(p, bytes, alignment);
  }
  auto allocate_at_least(std::size_t bytes, std::size_t alignment) {
    return pool_.allocate_at_least(bytes, alignment);
  }
  std::size_t good_size(std::size_t bytes, std::size_t alignment) const {
    return pool_.good_size(bytes, alignment);
  }
  void reserve(std::size_t bytes, std::size_t alignment, std::size_t n) {
    pool_.reserve(bytes, alignment, n);
  }
  std::size_t trim(std::size_t keep) { return pool_.trim(keep); }
  void release() { pool_.release(); }
  auto options() const { return pool_.options(); }
  auto statistics() const { return pool_.statistics(); }
  bool owns(const void* p) const { return pool_.owns(p); }
  void check_invariants() const { pool_.check_invariants(); }

protected:
  unsynchronized_pool_resource pool_;
};

// A live block gets a second owner: by the third allocation after a release, when it asks for the same again.
class gives_blocks_twice : public pool_with_a_bug {
public:
  using pool_with_a_bug::pool_with_a_bug;
  void* allocate(std::size_t bytes, std::size_t alignment) {
    const bool again = bytes == last_bytes_ && last_ != nullptr && bytes <= 256 && alignment <= 8;
    if (++allocations_ == 3 && released_ && again) return last_;
    last_bytes_ = bytes;
    return last_ = pool_with_a_bug::allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment) {
    if (p == last_) last_ = nullptr;
    pool_with_a_bug::deallocate(p, bytes, alignment);
  }
  void release() {
    pool_with_a_bug::release();
    released_ = true;
    allocations_ = 0;
    last_ = nullptr;
  }

private:
  std::size_t allocations_ = 0, last_bytes_ = 0;
  bool released_ = false;
  void* last_ = nullptr;
};

class crashes_at_the_third_trim : public pool_with_a_bug {
public:
  using pool_with_a_bug::pool_with_a_bug;
  std::size_t trim(std::size_t keep) {
    if (++trims_ == 3) std::raise(SIGKILL);
    return pool_with_a_bug::trim(keep);
  }

private:
  int trims_ = 0;
};

template <class Pool>
constexpr subject_kind planted = {
    "planted", 0, [] { return std::unique_ptr<subject>(std::make_unique<pool_subject<Pool, plain>>()); },
    random_pool_steps, pool_steps_of};

// The shortest script found for the first failure among some seeds.
template <class Pool>
std::pair<std::string, steps> found_out() {
  for (std::size_t seed = 0; seed < seeds_to_try; ++seed) {
    const steps s = random_pool_steps(seed, 2000, pace::short_script);
    const outcome seen = run_apart(s, planted<Pool>, {1});
    if (seen.failed()) return {seen.failure, reduced_apart(s, planted<Pool>, seen)};
  }
  return {};
}

// What is tried here is the engine, in hundreds of processes, which take long to start with a sanitizer.
TEST(planted_bug, block_with_two_owners) {
  if (under_sanitizer) GTEST_SKIP();
  const auto [failure, few] = found_out<gives_blocks_twice>();
  EXPECT_NE(failure, "");
  EXPECT_LE(few.size(), 4u) << to_text({"planted", few});
  EXPECT_GE(few.size(), 2u); // a release, and allocations of one size: a burst, or one by one
}

TEST(planted_bug, crash) {
  const auto [failure, few] = found_out<crashes_at_the_third_trim>();
  EXPECT_EQ(failure, "killed by: Killed");
  EXPECT_EQ(few, steps(3, step{verb::trim, few.empty() ? 0 : few[0].a, 0, 0})) << to_text({"planted", few});
}

} // namespace
} // namespace quarry::test
