#include "checked_report.hpp"

#include <cstdio>
#include <new>
#include <string>

namespace quarry::detail {

namespace {

using std::to_string;

std::string bytes_at(std::size_t size, std::size_t alignment) {
  return to_string(size) + " bytes at alignment " + to_string(alignment);
}

std::string hexadecimal(const std::byte* p) {
  char text[5];
  std::snprintf(text, sizeof text, "0x%02x", std::to_integer<unsigned>(*p));
  return text;
}

std::string allocation_of(const checked_block& block) {
  return "allocated in " + quarry::to_string(block.allocated);
}
std::string first_free_of(const checked_block& block) {
  return "first freed in " + quarry::to_string(block.freed);
}

// Whatever becomes of the words, the kind and the block are reported.
template <class Block, class Words>
void report(violation_kind kind, const Block& block, violation_handler to, Words words) noexcept {
  try {
    report_violation(kind, block.address, block.size, block.alignment, words(), to);
  } catch (const std::bad_alloc&) {
    report_violation(kind, block.address, block.size, block.alignment, "no memory left to say more", to);
  }
}

std::string why_foreign(const free_call& call, const std::optional<checked_block>& around) {
  if (!around) return "was never allocated here; freed in " + quarry::to_string(call.site);
  const auto offset = static_cast<const std::byte*>(call.address) - around->address;
  return "points " + to_string(offset) + " bytes into a block of " +
         bytes_at(around->size, around->alignment) + "; freed in " + quarry::to_string(call.site) +
         "; block " + allocation_of(*around) +
         (around->is == checked_block::condition::live ? "" : "; " + first_free_of(*around));
}

std::string why_refused(const free_call& call, violation_kind kind, const checked_block& block) {
  if (kind == violation_kind::double_free)
    return "freed again in " + quarry::to_string(call.site) + "; " + allocation_of(block) + "; " +
           first_free_of(block);
  return "freed as " + bytes_at(call.size, call.alignment) + " in " + quarry::to_string(call.site) + "; " +
         allocation_of(block);
}

std::string beside(const checked_block& block, const std::string& where, const std::byte* written) {
  return "the byte " + where + " was written: it is " + hexadecimal(written) + "; " + allocation_of(block) +
         (block.is == checked_block::condition::live
              ? "; never freed"
              : "; found when freed in " + quarry::to_string(block.freed));
}

} // namespace

void report_refused(const free_call& call, const checked_blocks::claim& refused,
                    violation_handler to) noexcept {
  const violation_kind kind = *refused.misuse;
  if (kind != violation_kind::foreign_pointer)
    return report(kind, *refused.meant, to, [&] { return why_refused(call, kind, *refused.meant); });
  report(kind, call, to, [&] { return why_foreign(call, refused.meant); });
}

void report_damage(const checked_block& block, violation_handler to) noexcept {
  if (const std::byte* const p = block.underrun())
    report(violation_kind::underrun, block, to,
           [&] { return beside(block, to_string(block.address - p) + " before its start", p); });
  if (const std::byte* const p = block.overrun())
    report(violation_kind::overrun, block, to,
           [&] { return beside(block, to_string(p - block.end()) + " behind its end", p); });
}

void report_late_write(const checked_block& block, violation_handler to) noexcept {
  if (const std::byte* const p = block.late_write())
    report(violation_kind::write_after_free, block, to, [&] {
      return "byte " + to_string(p - block.address) + " of it was written after the free: it is " +
             hexadecimal(p) + "; " + allocation_of(block) + "; " + first_free_of(block);
    });
}

void report_leak(const checked_block& block, violation_handler to) noexcept {
  report(violation_kind::leak, block, to, [&] { return "never freed; " + allocation_of(block); });
}

void report_more_leaks(std::size_t blocks, std::size_t bytes, violation_handler to) noexcept {
  report(violation_kind::leak, guarded_block{nullptr, bytes, 1}, to, [&] {
    return to_string(blocks) + " more blocks were never freed, " + to_string(bytes) + " bytes in all";
  });
}

} // namespace quarry::detail
