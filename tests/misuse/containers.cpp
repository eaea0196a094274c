#include "corpus.hpp"

#include <cstring>
#include <forward_list>
#include <list>
#include <map>
#include <new>
#include <string>
#include <utility>

namespace misuse {

using enum quarry::violation_kind;

namespace {

using bytes_allocator = std::pmr::polymorphic_allocator<std::byte>;

// An object whose destructor is called by hand, or never.
template <class T>
class by_hand {
public:
  template <class... Arguments>
  explicit by_hand(Arguments&&... arguments) {
    ::new (storage_) T(std::forward<Arguments>(arguments)...);
  }
  // As memcpy copies it: now two objects take themselves for the owner.
  by_hand(const by_hand& other) { std::memcpy(storage_, other.storage_, sizeof(T)); }
  by_hand(by_hand& other) : by_hand(std::as_const(other)) {}
  by_hand& operator=(const by_hand&) = delete;

  T& operator*() { return *std::launder(reinterpret_cast<T*>(storage_)); }
  T* operator->() { return &**this; }
  void destroy() { (**this).~T(); }

private:
  alignas(T) std::byte storage_[sizeof(T)];
};

using vector = std::pmr::vector<long>;
using string = std::pmr::string;

constexpr misuse_case cases[] = {
    {"a vector and its copy by memcpy are destroyed", double_free,
     [](stage& s) {
       by_hand<vector> v(8u, 1, &s.memory);
       by_hand<vector> copy(v);
       v.destroy();
       s.act([&] { copy.destroy(); });
     }},
    {"a string and its copy by memcpy are destroyed", double_free,
     [](stage& s) {
       by_hand<string> text(100u, 'x', &s.memory);
       by_hand<string> copy(text);
       text.destroy();
       s.act([&] { copy.destroy(); });
     }},
    {"a vector's memory is freed by its size, not its capacity", wrong_size,
     [](stage& s) {
       by_hand<vector> v(&s.memory);
       v->reserve(32);
       v->resize(5);
       s.act([&] { v->get_allocator().deallocate(v->data(), v->size()); });
       s.act_when_refused([&] { v.destroy(); });
     }},
    {"a string's memory is freed without its terminator", wrong_size,
     [](stage& s) {
       by_hand<string> text(127u, 'x', &s.memory);
       s.act([&] { text->get_allocator().deallocate(text->data(), text->capacity()); });
       s.act_when_refused([&] { text.destroy(); });
     }},
    {"a vector's memory is freed as bytes", wrong_alignment,
     [](stage& s) {
       by_hand<vector> v(8u, 1, &s.memory);
       s.act([&] {
         bytes_allocator(&s.memory).deallocate(reinterpret_cast<std::byte*>(v->data()),
                                               v->capacity() * sizeof(long));
       });
       s.act_when_refused([&] { v.destroy(); });
     }},
    {"a node is spliced in from a list on another resource", foreign_pointer,
     [](stage& s) {
       std::pmr::monotonic_buffer_resource others;
       std::pmr::forward_list<long> theirs(1, &others), ours(&s.memory);
       ours.splice_after(ours.before_begin(), theirs);
       s.act([&] { ours.clear(); });
     }},
    {"a vector's memory is freed from where reading has come to", foreign_pointer,
     [](stage& s) {
       vector v(8, 1, &s.memory);
       s.act([&] { v.get_allocator().deallocate(v.data() + 2, v.capacity() - 2); });
     }},
    {"the element behind a full vector is written", overrun,
     [](stage& s) {
       vector v(8, 1, &s.memory);
       s.act([&] { scribble(v.data() + v.capacity()); });
     }},
    {"the byte behind a string's terminator is written", overrun,
     [](stage& s) {
       string text(100, 'x', &s.memory);
       s.act([&] { scribble(text.data() + text.capacity() + 1); });
     }},
    {"the element behind a map's last member is written", overrun,
     [](stage& s) {
       std::pmr::map<long, long> m(&s.memory);
       long* const value = &m[1];
       s.act([&] { scribble(value + 1); });
     }},
    {"the element before a vector's first is written", underrun,
     [](stage& s) {
       vector v(8, 1, &s.memory);
       s.act([&] { scribble(v.data() - 1); });
     }},
    {"a byte well before a string's first is written", underrun,
     [](stage& s) {
       string text(100, 'x', &s.memory);
       s.act([&] { scribble(text.data() - 8); });
     }},
    {"a reference is kept while a vector grows", write_after_free,
     [](stage& s) {
       vector v(4, 1, &s.memory);
       long* const first = v.data();
       while (v.data() == first) v.push_back(2);
       s.act([&] { scribble(first); });
     }},
    {"a reference to a list's element outlives it", write_after_free,
     [](stage& s) {
       std::pmr::list<long> l(3, &s.memory);
       long* const first = &l.front();
       l.pop_front();
       s.act([&] { scribble(first); });
     }},
    {"a reference to a map's value outlives it", write_after_free,
     [](stage& s) {
       std::pmr::map<long, string> m(&s.memory);
       string* const value = &m.emplace(1, string(100, 'x')).first->second;
       m.erase(1);
       s.act([&] { scribble(value); });
     }},
    {"a vector in storage of its own is never destroyed", leak,
     [](stage& s) { s.act([&] { by_hand<vector>(8u, 1, &s.memory); }); }},
    {"a list in an arena goes with the arena", leak,
     [](stage& s) {
       s.act([&] {
         std::pmr::monotonic_buffer_resource arena;
         auto* const l = ::new (arena.allocate(sizeof(std::pmr::list<long>))) std::pmr::list<long>(&s.memory);
         l->assign(3, 1);
       });
     }},
};

} // namespace

std::span<const misuse_case> containers() { return cases; }

} // namespace misuse
