#include "corpus.hpp"

namespace misuse {

using enum quarry::violation_kind;

namespace {

constexpr misuse_case cases[] = {
    {"two completions free one buffer", double_free,
     [](stage& s) {
       const auto buffer = s.allocate_bytes(4096);
       s.deallocate_bytes(buffer);
       s.act([&] { s.deallocate_bytes(buffer); });
     }},
    {"a buffer is freed when it is read and when its connection ends", double_free,
     [](stage& s) {
       const auto read = s.allocate_bytes(64 << 10), other = s.allocate_bytes(64 << 10);
       s.deallocate_bytes(read);
       s.deallocate_bytes(other);
       s.act([&] { s.deallocate_bytes(read); });
     }},
    {"only the part that was filled is freed", wrong_size,
     [](stage& s) {
       const auto buffer = s.allocate_bytes(4096);
       s.act([&] { s.deallocate_bytes(buffer.first(1024)); });
       s.act_when_refused([&] { s.deallocate_bytes(buffer); });
     }},
    {"a buffer is freed with a byte more", wrong_size,
     [](stage& s) {
       const auto buffer = s.allocate_bytes(512);
       s.act([&] { s.deallocate_bytes({buffer.data(), buffer.size() + 1}); });
       s.act_when_refused([&] { s.deallocate_bytes(buffer); });
     }},
    {"a page is freed as if it were anywhere", wrong_alignment,
     [](stage& s) {
       void* const page = s.memory.allocate(4096, 4096);
       s.act([&] { s.memory.deallocate(page, 4096, 1); });
       s.act_when_refused([&] { s.memory.deallocate(page, 4096, 4096); });
     }},
    {"a buffer is freed without its header", foreign_pointer,
     [](stage& s) {
       const auto buffer = s.allocate_bytes(4096);
       s.act([&] { s.deallocate_bytes(buffer.subspan(16)); });
       s.deallocate_bytes(buffer);
     }},
    {"a buffer of somebody else is freed", foreign_pointer,
     [](stage& s) {
       std::pmr::vector<std::byte> others(4096, std::pmr::new_delete_resource());
       s.act([&] { s.deallocate_bytes(others); });
     }},
    {"a read brings a byte more than there is room for", overrun,
     [](stage& s) {
       const auto buffer = s.allocate_bytes(4096);
       s.act([&] { scribble(buffer.data() + buffer.size()); });
       s.deallocate_bytes(buffer);
     }},
    {"a header is put before a buffer that left no room for it", underrun,
     [](stage& s) {
       const auto buffer = s.allocate_bytes(4096);
       s.act([&] { scribble(buffer.data() - 4); });
       s.deallocate_bytes(buffer);
     }},
    {"a read completes into a freed buffer", write_after_free,
     [](stage& s) {
       const auto buffer = s.allocate_bytes(4096);
       s.deallocate_bytes(buffer);
       s.act([&] { scribble(buffer.data() + 100); });
     }},
    {"a connection is dropped, but not its buffer", leak,
     [](stage& s) { s.act([&] { (void)s.allocate_bytes(4096); }); }},
    {"a large buffer is dropped", leak, [](stage& s) { s.act([&] { (void)s.allocate_bytes(1 << 17); }); }},
};

} // namespace

std::span<const misuse_case> segments() { return cases; }

} // namespace misuse
