// The standard's containers on the process-wide pool. Rung 7.
#pragma once

#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <queue>
#include <set>
#include <stack>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <quarry/allocator.hpp>

namespace quarry {

template <class T>
using vector = std::vector<T, allocator<T>>;
template <class T>
using deque = std::deque<T, allocator<T>>;
template <class T>
using list = std::list<T, allocator<T>>;
template <class T>
using forward_list = std::forward_list<T, allocator<T>>;

template <class Char, class Traits = std::char_traits<Char>>
using basic_string = std::basic_string<Char, Traits, allocator<Char>>;
using string = basic_string<char>;
using wstring = basic_string<wchar_t>;
using u8string = basic_string<char8_t>;
using u16string = basic_string<char16_t>;
using u32string = basic_string<char32_t>;

template <class Key, class T, class Compare = std::less<Key>>
using map = std::map<Key, T, Compare, allocator<std::pair<const Key, T>>>;
template <class Key, class T, class Compare = std::less<Key>>
using multimap = std::multimap<Key, T, Compare, allocator<std::pair<const Key, T>>>;
template <class Key, class Compare = std::less<Key>>
using set = std::set<Key, Compare, allocator<Key>>;
template <class Key, class Compare = std::less<Key>>
using multiset = std::multiset<Key, Compare, allocator<Key>>;

template <class Key, class T, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
using unordered_map = std::unordered_map<Key, T, Hash, Equal, allocator<std::pair<const Key, T>>>;
template <class Key, class T, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
using unordered_multimap = std::unordered_multimap<Key, T, Hash, Equal, allocator<std::pair<const Key, T>>>;
template <class Key, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
using unordered_set = std::unordered_set<Key, Hash, Equal, allocator<Key>>;
template <class Key, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
using unordered_multiset = std::unordered_multiset<Key, Hash, Equal, allocator<Key>>;

template <class T>
using stack = std::stack<T, deque<T>>;
template <class T>
using queue = std::queue<T, deque<T>>;
template <class T, class Compare = std::less<T>>
using priority_queue = std::priority_queue<T, vector<T>, Compare>;

namespace detail {

template <class String>
struct string_hash {
  std::size_t operator()(const String& s) const noexcept {
    using view = std::basic_string_view<typename String::value_type>;
    return std::hash<view>()(view(s));
  }
};

} // namespace detail
} // namespace quarry

// Standard libraries differ in whether std::hash knows strings of any allocator; these it knows everywhere.
template <>
struct std::hash<quarry::string> : quarry::detail::string_hash<quarry::string> {};
template <>
struct std::hash<quarry::wstring> : quarry::detail::string_hash<quarry::wstring> {};
template <>
struct std::hash<quarry::u8string> : quarry::detail::string_hash<quarry::u8string> {};
template <>
struct std::hash<quarry::u16string> : quarry::detail::string_hash<quarry::u16string> {};
template <>
struct std::hash<quarry::u32string> : quarry::detail::string_hash<quarry::u32string> {};
