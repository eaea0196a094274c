// Text put together without a stream's locale and flags. Rung 0.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace quarry::detail {

/// Collects text and hands it to a stream piece by piece.
class plain_text {
public:
  explicit plain_text(std::ostream& out) : out_(out) {}
  plain_text(const plain_text&) = delete;
  plain_text& operator=(const plain_text&) = delete;

  plain_text& operator<<(std::string_view words) {
    text_ += words;
    if (text_.size() >= piece) flush();
    return *this;
  }
  plain_text& operator<<(std::unsigned_integral auto number) { return *this << of(number); }

  void flush() {
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
  }

  static std::string of(std::unsigned_integral auto number) {
    char digits[20];
    return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
  }

  /// With `decimals` digits behind the point. Expects: |value| < 2^64.
  static std::string fixed(double value, int decimals) {
    char digits[64];
    return {digits,
            std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, decimals).ptr};
  }

  /// With a decimal, and none when it is zero.
  static std::string shortest(double value) {
    std::string text = fixed(value, 2);
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
  }

  static std::string address(const void* p) {
    char digits[18] = {'0', 'x'};
    return {digits,
            std::to_chars(digits + 2, digits + sizeof digits, reinterpret_cast<std::uintptr_t>(p), 16).ptr};
  }

  /// As people say it: "64 B", "1.5 KiB", "256 KiB", "3.2 MiB".
  static std::string bytes(std::size_t n) {
    constexpr std::string_view units[] = {" KiB", " MiB", " GiB", " TiB"};
    if (n < 1024) return of(n) + " B";
    double value = static_cast<double>(n) / 1024;
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
    std::string text = fixed(value, value < 100 ? 1 : 0);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text + std::string(units[unit]);
  }

  static std::string percent(std::size_t part, std::size_t whole) {
    return fixed(whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole), 1);
  }

  static std::string right(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
  }

private:
  static constexpr std::size_t piece = 1 << 16;

  std::ostream& out_;
  std::string text_;
};

} // namespace quarry::detail
