// main of a GoogleTest binary made of several files: given the name of one of them, it runs the tests of that
// file alone.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

bool is_in(const ::testing::TestInfo& test, std::string_view file) {
  const std::string_view path = test.file();
  return path.substr(path.rfind('/') + 1) == file;
}

// A GoogleTest filter; empty when the file has no test.
std::string tests_of(std::string_view file) {
  const auto& all = *::testing::UnitTest::GetInstance();
  std::string names;
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j)
      if (const auto& test = *suite.GetTestInfo(j); is_in(test, file))
        names.append(suite.name()).append(".").append(test.name()).append(":");
  }
  return names;
}

} // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (argc > 2) {
    std::fprintf(stderr, "usage: %s [NAME_test] [--gtest_...]\n", argv[0]);
    return 2;
  }
  // The child of a death test comes with a filter, and that one counts.
  if (argc == 2 && GTEST_FLAG_GET(filter) == "*") {
    const std::string names = tests_of(std::string(argv[1]) + ".cpp");
    if (names.empty()) {
      std::fprintf(stderr, "%s: no test in %s.cpp\n", argv[0], argv[1]);
      return 2;
    }
    GTEST_FLAG_SET(filter, names);
  }
  return RUN_ALL_TESTS();
}
