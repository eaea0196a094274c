// One program, twice: only the class names differ.
#include "../support/ledger_resource.hpp"

#include <gtest/gtest.h>
#include <initializer_list>
#include <map>
#include <memory>
#include <memory_resource>
#include <quarry/pool_resource.hpp>
#include <string>
#include <vector>

namespace with_std {
using std::pmr::synchronized_pool_resource;
using std::pmr::unsynchronized_pool_resource;
#include "drop_in_program.inc"
} // namespace with_std

namespace with_quarry {
using quarry::synchronized_pool_resource;
using quarry::unsynchronized_pool_resource;
#include "drop_in_program.inc"
} // namespace with_quarry

namespace quarry::test {
namespace {

TEST(drop_in, a_program_gives_the_same_result_on_both) {
  ledger_resource up;
  EXPECT_EQ(with_quarry::run(&up), with_std::run(&up));
  EXPECT_TRUE(up.clean());
}

} // namespace
} // namespace quarry::test
