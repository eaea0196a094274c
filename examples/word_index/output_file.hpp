#pragma once

#include <quarry/segment_chain.hpp>
#include <quarry/segment_pool.hpp>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace word_index {

/// A file, new or emptied, or a device, written in large batches: what is put waits in segments, which the
/// kernel takes as they are. Throws std::runtime_error when the file cannot be written.
class output_file {
public:
  explicit output_file(const std::filesystem::path&);
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;
  ~output_file();

  void put(std::string_view text) {
    waiting_.append(std::as_bytes(std::span(text.data(), text.size())));
    if (waiting_.size() >= batch_size) write_waiting();
  }
  void put(std::uint32_t number);

  /// Writes the rest and closes. Without it the file may end anywhere.
  void close();

private:
  static constexpr std::size_t batch_size = 256 << 10;

  void write_waiting();
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  int descriptor_;
  quarry::segment_pool segments_;
  quarry::segment_chain waiting_{segments_};
};

} // namespace word_index
