// The object that the workloads of one size allocate: three words, as a list node has.
#pragma once

#include "../random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quarry_bench {

struct node {
  node* next;
  std::uint64_t payload[2];
};

template <class Source>
void allocate_all(const Source& from, std::vector<node*>& nodes) {
  for (node*& n : nodes) {
    n = from.template allocate_one<node>();
    n->next = nullptr;
  }
}

template <class Source>
void deallocate_all(const Source& from, const std::vector<node*>& nodes) {
  for (node* const n : nodes) from.deallocate_one(n);
}

inline void shuffle(std::vector<node*>& nodes) { std::shuffle(nodes.begin(), nodes.end(), random_numbers{}); }

} // namespace quarry_bench
