#include <quarry/call_site.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include <cxxabi.h>
#include <dlfcn.h>
#include <unwind.h>

namespace quarry {

namespace {

// ---- noting

struct walk {
  const void* from;
  call_site site{};
  std::size_t count = 0;
};

// The unwinder's own interface, because glibc's backtrace() allocates when it is first called.
_Unwind_Reason_Code note(_Unwind_Context* context, void* argument) {
  walk& w = *static_cast<walk*>(argument);
  const auto* const address = reinterpret_cast<const void*>(_Unwind_GetIP(context));
  if (w.count != 0 || address == w.from) w.site.frames[w.count++] = address;
  return w.count == call_site::depth ? _URC_END_OF_STACK : _URC_NO_REASON;
}

// ---- naming

constexpr std::size_t longest_name = 120; // of a container's member they can be endless

// What lies between the caller and us: the standard library's names, and ours.
bool is_name_of_a_library(std::string_view mangled) noexcept {
  for (const std::string_view start : {"_ZNK", "_ZN", "_Z"})
    if (mangled.starts_with(start)) {
      mangled.remove_prefix(start.size());
      break;
    }
  return std::ranges::any_of(std::array<std::string_view, 4>{"St", "Sa", "9__gnu_cxx", "6quarry"},
                             [&](std::string_view scope) { return mangled.starts_with(scope); });
}

// The call lies before the address it returns to, perhaps in another function.
const void* call_before(const void* return_address) noexcept {
  return static_cast<const std::byte*>(return_address) - 1;
}

struct place {
  explicit place(const void* return_address) noexcept : call(call_before(return_address)) {
    known = ::dladdr(call, &info) != 0;
  }
  bool has_name() const noexcept { return known && info.dli_sname != nullptr; }

  const void* call;
  Dl_info info{};
  bool known;
};

bool is_of_a_library(const place& p) noexcept {
  return p.has_name() && is_name_of_a_library(p.info.dli_sname);
}

// Who calls main is of no interest.
bool is_main(const place& p) noexcept { return p.has_name() && std::string_view(p.info.dli_sname) == "main"; }

std::string demangled(const char* name) {
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, nullptr),
                                                    &std::free);
  std::string result = text != nullptr ? text.get() : name;
  if (result.size() > longest_name) result.replace(longest_name, std::string::npos, "...");
  return result;
}

std::string hexadecimal(std::size_t number) {
  char text[2 + 2 * sizeof number + 1];
  std::snprintf(text, sizeof text, "0x%zx", number);
  return text;
}

// "program+0x11d9", with the program's name without its directory.
std::string offset_in_object(const place& p) {
  const std::string_view path = p.info.dli_fname;
  const auto offset = static_cast<const std::byte*>(p.call) - static_cast<const std::byte*>(p.info.dli_fbase);
  return std::string(path.substr(path.rfind('/') + 1)) + '+' + hexadecimal(static_cast<std::size_t>(offset));
}

std::string name_of(const place& p) {
  if (!p.known) return hexadecimal(reinterpret_cast<std::size_t>(p.call));
  if (!p.has_name()) return offset_in_object(p);
  return demangled(p.info.dli_sname) + " (" + offset_in_object(p) + ')';
}

using places = std::vector<place>;

places places_of(const call_site& site) {
  places result;
  for (const void* frame : site.frames)
    if (frame != nullptr) result.emplace_back(frame);
  return result;
}

// Inlines of the standard library that are not exported look like anybody's: what comes after a frame without
// a name is therefore the first of its program that has one.
places::const_iterator after(places::const_iterator frame, const places& all) {
  const auto named = std::find_if(frame, all.end(), [&](const place& p) {
    return p.has_name() && !is_of_a_library(p) && p.info.dli_fbase == frame->info.dli_fbase;
  });
  return named != frame && named != all.end() ? named : frame + 1;
}

} // namespace

call_site detail::callers_from(const void* return_address) noexcept {
  walk w{return_address};
  ::_Unwind_Backtrace(&note, &w);
  if (w.count == 0) w.site.frames[0] = return_address; // no unwind tables on the way
  return w.site;
}

std::string to_string(const call_site& site) {
  const places all = places_of(site);
  if (all.empty()) return "an unknown place";
  auto frame = std::find_if_not(all.begin(), all.end(), is_of_a_library);
  if (frame == all.end()) frame = all.begin();
  std::string text = name_of(*frame);
  for (int more = 0; more < 2 && !is_main(*frame); ++more) {
    frame = after(frame, all);
    if (frame == all.end()) break;
    text += ", from " + name_of(*frame);
  }
  return text;
}

} // namespace quarry
