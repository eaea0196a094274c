// Slabs in no order (src/slab_list.hpp).
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "slab_list.hpp"

namespace quarry::detail {
namespace {

class slab_list_test : public ::testing::Test {
protected:
  slab_list_test() {
    for (slab& s : slabs) list.push(s);
  }
  // By the links forward, after a look at those back.
  std::vector<const slab*> listed() const {
    std::vector<const slab*> found;
    for (const slab* s = list.first(); s != nullptr; s = s->right) {
      EXPECT_EQ(s->left, found.empty() ? nullptr : found.back());
      found.push_back(s);
    }
    return found;
  }

  std::array<slab, 4> slabs{};
  slab_list list;
};

TEST_F(slab_list_test, has_the_last_first) {
  EXPECT_EQ(listed(), (std::vector<const slab*>{&slabs[3], &slabs[2], &slabs[1], &slabs[0]}));
}

TEST_F(slab_list_test, lets_any_go) {
  list.remove(slabs[2]);
  EXPECT_EQ(listed(), (std::vector<const slab*>{&slabs[3], &slabs[1], &slabs[0]}));
  list.remove(slabs[3]);
  EXPECT_EQ(listed(), (std::vector<const slab*>{&slabs[1], &slabs[0]}));
  list.remove(slabs[0]);
  EXPECT_EQ(listed(), (std::vector<const slab*>{&slabs[1]}));
  list.remove(slabs[1]);
  EXPECT_EQ(list.first(), nullptr);
  list.push(slabs[2]);
  EXPECT_EQ(listed(), (std::vector<const slab*>{&slabs[2]}));
}

} // namespace
} // namespace quarry::detail
