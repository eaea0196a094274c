// play --list                      every case: "number|way|thread|kind|title"
// play SUBJECT NUMBER              plays that case on a subject and prints "reported KIND" for each report
#include "corpus.hpp"

#include <quarry/checked_resource.hpp>
#include <quarry/pool_resource.hpp>
#include <quarry/segment_pool.hpp>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

namespace misuse {
namespace {

struct played_case {
  const way& from;
  const misuse_case& what;
  stage::thread where;
};

const std::vector<played_case>& every_case() {
  static const std::vector<way> every_way = ways();
  static const std::vector<played_case> all = [] {
    std::vector<played_case> result;
    for (const way& w : every_way)
      for (const misuse_case& c : w.cases)
        for (const auto where : {stage::thread::same, stage::thread::other}) result.push_back({w, c, where});
    return result;
  }();
  return all;
}

void list() {
  std::size_t number = 0;
  for (const played_case& c : every_case()) {
    const std::string_view kind = to_string(c.what.kind);
    std::printf("%zu|%s|%s|%.*s|%s\n", number++, c.from.name.data(),
                c.where == stage::thread::same ? "same" : "other", static_cast<int>(kind.size()), kind.data(),
                c.what.title.data());
  }
}

void print(const quarry::violation& v, void*) noexcept {
  const std::string_view kind = to_string(v.kind);
  std::printf("reported %.*s\n", static_cast<int>(kind.size()), kind.data());
  std::fflush(stdout);
}

// ---- who is to find it; each is gone when its function returns, so that what it says at its end is heard

using wrong_free = stage::wrong_free;

void play_on(stage&& s, const played_case& c) { c.what.play(s); }

void on_heap(const played_case& c) {
  play_on(stage(*std::pmr::new_delete_resource(), c.where, wrong_free::takes_place), c);
}

void on_pool(const played_case& c) {
  quarry::synchronized_pool_resource pool(std::pmr::new_delete_resource());
  play_on(stage(pool, c.where, wrong_free::takes_place), c);
  pool.trim(); // what is still in a cache is seen here
}

void on_segment_pool(const played_case& c) {
  quarry::segment_pool pool;
  play_on(segment_stage(pool, c.where, wrong_free::takes_place), c);
}

void on_checked_pool(const played_case& c) {
  quarry::synchronized_pool_resource pool(std::pmr::new_delete_resource());
  quarry::checked_resource checked(&pool);
  play_on(stage(checked, c.where, wrong_free::is_refused), c);
}

void on_checked_segment_pool(const played_case& c) {
  quarry::segment_pool pool;
  quarry::checked_resource checked(&pool);
  play_on(stage(checked, c.where, wrong_free::is_refused), c);
}

const std::map<std::string, void (*)(const played_case&)> subjects = {
    {"heap", on_heap},
    {"pool", on_pool},
    {"segment_pool", on_segment_pool},
    {"checked", on_checked_pool},
    {"checked_segment_pool", on_checked_segment_pool}};

} // namespace
} // namespace misuse

int main(int count, char** words) {
  using namespace misuse;
  const std::string first = count > 1 ? words[1] : "";
  if (first == "--list") {
    list();
    return 0;
  }
  const auto subject = subjects.find(first);
  const std::size_t number = count == 3 ? std::strtoul(words[2], nullptr, 10) : every_case().size();
  if (subject == subjects.end() || number >= every_case().size()) {
    std::fprintf(stderr, "usage: play --list | play SUBJECT NUMBER\n");
    return 2;
  }
  quarry::set_violation_handler({&print, nullptr});
  subject->second(every_case()[number]);
  return 0;
}
