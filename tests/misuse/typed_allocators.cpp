#include "corpus.hpp"

#include <quarry/allocator.hpp>

#include <memory>
#include <vector>

namespace misuse {

using enum quarry::violation_kind;

namespace {

template <class T>
using typed = quarry::pool_allocator<T, std::pmr::memory_resource>;

struct shape {
  long id = 0;
};
struct circle : shape {
  double x = 0, y = 0, radius = 0;
};
struct alignas(64) line {
  unsigned char bytes[64] = {};
};
struct record {
  unsigned char bytes[64] = {};
};
struct peer {
  std::shared_ptr<peer> other;
};

template <class T>
struct deleter {
  typed<T> memory;
  void operator()(T* p) {
    std::destroy_at(p);
    memory.deallocate(p, 1);
  }
};
template <class T>
using owner = std::unique_ptr<T, deleter<T>>;

template <class T>
T* make(stage& s) {
  return ::new (typed<T>(&s.memory).allocate(1)) T();
}
template <class T>
owner<T> owning(stage& s, T* object) {
  return owner<T>(object, deleter<T>{&s.memory});
}

constexpr misuse_case cases[] = {
    {"two owners have one object", double_free,
     [](stage& s) {
       auto one = owning(s, make<circle>(s));
       auto two = owning(s, one.get());
       one.reset();
       s.act([&] { two.get_deleter().memory.deallocate(two.release(), 1); });
     }},
    {"an array is freed by who filled it and by who read it", double_free,
     [](stage& s) {
       typed<long> memory(&s.memory);
       long* const array = memory.allocate(100);
       memory.deallocate(array, 100);
       s.act([&] { memory.deallocate(array, 100); });
     }},
    {"an array is freed as one object", wrong_size,
     [](stage& s) {
       typed<record> memory(&s.memory);
       record* const array = memory.allocate(4);
       s.act([&] { memory.deallocate(array, 1); });
       s.act_when_refused([&] { memory.deallocate(array, 4); });
     }},
    {"an object is freed as its base class", wrong_size,
     [](stage& s) {
       circle* const object = make<circle>(s);
       s.act([&] { typed<shape>(&s.memory).deallocate(object, 1); });
       s.act_when_refused([&] { owning(s, object); });
     }},
    {"an over-aligned object is freed as a plain one of its size", wrong_alignment,
     [](stage& s) {
       line* const object = make<line>(s);
       s.act([&] { typed<record>(&s.memory).deallocate(reinterpret_cast<record*>(object), 1); });
       s.act_when_refused([&] { owning(s, object); });
     }},
    {"an array of longs is freed as an array of bytes", wrong_alignment,
     [](stage& s) {
       typed<long> memory(&s.memory);
       long* const array = memory.allocate(8);
       s.act([&] { typed<char>(&s.memory).deallocate(reinterpret_cast<char*>(array), 8 * sizeof(long)); });
       s.act_when_refused([&] { memory.deallocate(array, 8); });
     }},
    {"a member is freed instead of its object", foreign_pointer,
     [](stage& s) {
       const auto object = owning(s, make<circle>(s));
       s.act([&] { typed<double>(&s.memory).deallocate(&object->y, 1); });
     }},
    {"an object is freed into another pool than its own", foreign_pointer,
     [](stage& s) {
       std::pmr::monotonic_buffer_resource others;
       record* const object = typed<record>(&others).allocate(1);
       s.act([&] { typed<record>(&s.memory).deallocate(object, 1); });
     }},
    {"a loop goes one element too far", overrun,
     [](stage& s) {
       std::vector<int, typed<int>> v(10, &s.memory);
       s.act([&] {
         for (std::size_t i = 0; i <= v.capacity(); ++i) scribble(v.data() + i);
       });
     }},
    {"the text in an object has no room for its end", overrun,
     [](stage& s) {
       const auto object = owning(s, make<record>(s));
       s.act([&] { scribble(object->bytes + sizeof object->bytes); });
     }},
    {"an array is written at -1", underrun,
     [](stage& s) {
       std::vector<int, typed<int>> v(10, &s.memory);
       s.act([&] { scribble(v.data() - 1); });
     }},
    {"an object's header is looked for where there is none", underrun,
     [](stage& s) {
       const auto object = owning(s, make<line>(s));
       s.act([&] { scribble(object->bytes - 16); });
     }},
    {"a destroyed object is written", write_after_free,
     [](stage& s) {
       circle* const object = make<circle>(s);
       owning(s, object).reset();
       s.act([&] { scribble(&object->radius); });
     }},
    {"an array is written after its vector has grown", write_after_free,
     [](stage& s) {
       std::vector<int, typed<int>> v(10, &s.memory);
       int* const before = v.data();
       v.reserve(v.capacity() + 1);
       s.act([&] { scribble(before + 9); });
     }},
    {"an owner lets go and nobody takes over", leak,
     [](stage& s) { s.act([&] { (void)owning(s, make<circle>(s)).release(); }); }},
    {"two objects share each other", leak,
     [](stage& s) {
       s.act([&] {
         const auto one = std::allocate_shared<peer>(typed<peer>(&s.memory));
         one->other = std::allocate_shared<peer>(typed<peer>(&s.memory));
         one->other->other = one;
       });
     }},
};

} // namespace

std::span<const misuse_case> typed_allocators() { return cases; }

} // namespace misuse
