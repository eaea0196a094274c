// How long who lacks room waits (src/patience.hpp).
#include <gtest/gtest.h>

#include "patience.hpp"

namespace quarry::test {
namespace {

using detail::patience;

void rob_while_they_come_back(patience& p, int times) {
  for (int i = 0; i < times; ++i) p.note_return(p.note_robbery());
}

TEST(patience, doubles_while_those_robbed_come_back_soon) {
  patience p;
  EXPECT_EQ(p.calls(), patience::least);
  rob_while_they_come_back(p, 1); // that it came back is known at the next
  EXPECT_EQ(p.calls(), patience::least);
  rob_while_they_come_back(p, 3);
  EXPECT_EQ(p.calls(), patience::least * 8);
}

TEST(patience, has_an_end) {
  patience p;
  rob_while_they_come_back(p, 100);
  EXPECT_EQ(p.calls(), patience::most);
}

TEST(patience, fades_while_nobody_comes_back) {
  patience p;
  rob_while_they_come_back(p, 100);
  p.note_robbery(); // the last of those came back
  p.note_robbery();
  EXPECT_EQ(p.calls(), patience::most / 8 * 7);
  for (int i = 0; i < 100; ++i) p.note_robbery();
  EXPECT_EQ(p.calls(), patience::least);
}

TEST(patience, takes_no_note_of_who_comes_back_after_many_others_were_robbed) {
  for (const std::uint32_t others : {patience::soon - 1, patience::soon}) {
    patience p;
    const std::uint32_t number = p.note_robbery();
    for (std::uint32_t i = 0; i < others; ++i) p.note_robbery();
    p.note_return(number);
    p.note_robbery();
    EXPECT_EQ(p.calls(), others < patience::soon ? patience::least * 2 : patience::least);
  }
}

} // namespace
} // namespace quarry::test
