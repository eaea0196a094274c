// An unordered_map from strings to strings: inserted, looked up, erased.
#include "../random.hpp"
#include "replay/timing.hpp"
#include "workloads.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace quarry_bench {
namespace {

// One hash function for strings of every allocator.
struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// 8 to 60 characters: most are too long for a string's own room.
std::vector<std::string> random_keys(std::size_t count) {
  random_numbers random;
  std::vector<std::string> keys(count);
  for (std::string& key : keys) {
    key.resize(random.between(8, 60));
    std::generate(key.begin(), key.end(), [&] { return static_cast<char>('a' + random.below(26)); });
  }
  return keys;
}

} // namespace

void add_unordered_map(workload_list& list, effort how_much) {
  const auto operations = how_much.operations(400'000);
  list.push_back(on_one_thread("unordered_map of strings", [operations, keys = random_keys(20'000)](
                                                               const container_source auto& from) {
    using text = std::basic_string<char, std::char_traits<char>, allocator_of<char, decltype(from)>>;
    using allocator = allocator_of<std::pair<const text, text>, decltype(from)>;
    const auto characters = from.template allocator_for<char>();
    std::unordered_map<text, text, text_hash, std::equal_to<>, allocator> map(
        from.template allocator_for<typename allocator::value_type>());
    random_numbers random;
    return processor_ns_per(operations, [&] {
      for (std::size_t i = 0; i < operations; ++i) {
        const std::string_view key = keys[random.below(keys.size())];
        if (const auto found = map.find(key); found != map.end())
          map.erase(found);
        else
          map.emplace(text(key, characters), text(key, characters));
      }
    });
  }));
}

} // namespace quarry_bench
