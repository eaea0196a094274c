#include "corpus.hpp"

namespace misuse {

using enum quarry::violation_kind;

namespace {

std::byte* allocate(stage& s, std::size_t bytes, std::size_t alignment = 8) {
  return static_cast<std::byte*>(s.memory.allocate(bytes, alignment));
}

constexpr misuse_case cases[] = {
    {"a block is freed twice", double_free,
     [](stage& s) {
       std::byte* const p = allocate(s, 64);
       s.memory.deallocate(p, 64, 8);
       s.act([&] { s.memory.deallocate(p, 64, 8); });
     }},
    {"a block is freed again after others were", double_free,
     [](stage& s) {
       std::byte* blocks[50];
       for (auto& p : blocks) p = allocate(s, 24);
       for (auto* p : blocks) s.memory.deallocate(p, 24, 8);
       s.act([&] { s.memory.deallocate(blocks[20], 24, 8); });
     }},
    {"a large block is freed twice", double_free,
     [](stage& s) {
       std::byte* const p = allocate(s, 1 << 20);
       s.memory.deallocate(p, 1 << 20, 8);
       s.act([&] { s.memory.deallocate(p, 1 << 20, 8); });
     }},
    {"a block is freed with a smaller size", wrong_size,
     [](stage& s) {
       std::byte* const p = allocate(s, 64);
       s.act([&] { s.memory.deallocate(p, 24, 8); });
       s.act_when_refused([&] { s.memory.deallocate(p, 64, 8); });
     }},
    {"a block is freed with a size larger by one", wrong_size,
     [](stage& s) {
       std::byte* const p = allocate(s, 63);
       s.act([&] { s.memory.deallocate(p, 64, 8); });
       s.act_when_refused([&] { s.memory.deallocate(p, 63, 8); });
     }},
    {"a block is freed with the default alignment", wrong_alignment,
     [](stage& s) {
       std::byte* const p = allocate(s, 256, 256);
       s.act([&] { s.memory.deallocate(p, 256); });
       s.act_when_refused([&] { s.memory.deallocate(p, 256, 256); });
     }},
    {"a block is freed with an alignment it was not asked at", wrong_alignment,
     [](stage& s) {
       std::byte* const p = allocate(s, 40, 8);
       s.act([&] { s.memory.deallocate(p, 40, 64); });
       s.act_when_refused([&] { s.memory.deallocate(p, 40, 8); });
     }},
    {"a pointer into a block is freed", foreign_pointer,
     [](stage& s) {
       std::byte* const p = allocate(s, 64);
       s.act([&] { s.memory.deallocate(p + 16, 48, 8); });
       s.memory.deallocate(p, 64, 8);
     }},
    {"a local variable is freed", foreign_pointer,
     [](stage& s) {
       alignas(16) std::byte local[64];
       s.act([&] { s.memory.deallocate(local, sizeof local, 16); });
     }},
    {"the byte behind a block is written", overrun,
     [](stage& s) {
       std::byte* const p = allocate(s, 64);
       s.act([&] { scribble(p + 64); });
       s.memory.deallocate(p, 64, 8);
     }},
    {"the byte behind a block of no bytes is written", overrun,
     [](stage& s) {
       std::byte* const p = allocate(s, 0);
       s.act([&] { scribble(p); });
       s.memory.deallocate(p, 0, 8);
     }},
    {"the byte behind a large block is written", overrun,
     [](stage& s) {
       std::byte* const p = allocate(s, (1 << 20) - 8);
       s.act([&] { scribble(p + (1 << 20) - 8); });
       s.memory.deallocate(p, (1 << 20) - 8, 8);
     }},
    {"a byte well behind a block is written", overrun,
     [](stage& s) {
       std::byte* const p = allocate(s, 20);
       s.act([&] { scribble(p + 36); });
       s.memory.deallocate(p, 20, 8);
     }},
    {"the byte before a block is written", underrun,
     [](stage& s) {
       std::byte* const p = allocate(s, 64);
       s.act([&] { scribble(p - 1); });
       s.memory.deallocate(p, 64, 8);
     }},
    {"the byte before an aligned block is written", underrun,
     [](stage& s) {
       std::byte* const p = allocate(s, 4096, 4096);
       s.act([&] { scribble(p - 1); });
       s.memory.deallocate(p, 4096, 4096);
     }},
    {"the first byte of a freed block is written", write_after_free,
     [](stage& s) {
       std::byte* const p = allocate(s, 64);
       s.memory.deallocate(p, 64, 8);
       s.act([&] { scribble(p); });
     }},
    {"the last byte of a freed block is written", write_after_free,
     [](stage& s) {
       std::byte* const p = allocate(s, 57);
       s.memory.deallocate(p, 57, 8);
       s.act([&] { scribble(p + 56); });
     }},
    {"a freed large block is written", write_after_free,
     [](stage& s) {
       std::byte* const p = allocate(s, 1 << 18);
       s.memory.deallocate(p, 1 << 18, 8);
       s.act([&] { scribble(p + (1 << 17)); });
     }},
    {"a block is never freed", leak, [](stage& s) { s.act([&] { (void)allocate(s, 64); }); }},
    {"a block of no bytes is never freed", leak, [](stage& s) { s.act([&] { (void)allocate(s, 0); }); }},
};

} // namespace

std::span<const misuse_case> raw_calls() { return cases; }

} // namespace misuse
